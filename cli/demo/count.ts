import type { Client, RequestEvent } from '../../client/index.ts'
import { timeline } from '../explain/index.ts'
import type { Session } from '../runtime.ts'
import { emitDone, streamAnswer } from '../stream-answer.ts'
import { hasSaid, KILL_AFTER, PROMPT, type Verdict, verdict } from './counting.ts'
import type { Narration } from './narration.ts'

/** Indents a peer's part of the answer below the text of its step. */
const INDENT = ' '.repeat(9)

export interface CountInit {
  readonly client: Client
  readonly narration: Narration
  readonly model: string
  /** Kills the node of this id. */
  readonly kill: (peerId: string) => void
}

/** One answer, whose serving peer is killed several times. */
export async function count(session: Session, init: CountInit): Promise<Verdict> {
  const { client, narration, model, kill } = init
  const { terminal, signal } = session
  const killed: string[] = []
  /** Time until another peer continues. */
  let killedAt: number | undefined
  let shownPeer = ''
  let atLineStart = true
  let event: RequestEvent | undefined
  /** Starts a peer's part on a new line, with the length of the gap before it. */
  const label = (peerId: string): string => {
    const lead = atLineStart ? INDENT : `\n${INDENT}`
    if (killedAt === undefined || killed.includes(peerId))
      return `${lead}${narration.peer(peerId)}: `
    const gapMs = Math.round(performance.now() - killedAt)
    killedAt = undefined
    return `${lead}${narration.peer(peerId)}, ${gapMs} ms later: `
  }
  narration.say(`"${PROMPT}"`)
  const answer = await streamAnswer(
    client,
    terminal,
    { model, messages: [{ role: 'user', content: PROMPT }], temperature: 0, seed: 1 },
    {
      signal,
      show: (piece, peerId) => {
        const shown = peerId === shownPeer && !atLineStart ? '' : label(peerId)
        shownPeer = peerId
        atLineStart = false
        return shown + narration.piece(piece, peerId)
      },
      onPiece: (text, peerId) => {
        const after = KILL_AFTER[killed.length]
        // Data that a dead node sent earlier still arrives.
        if (after === undefined || killed.includes(peerId) || !hasSaid(text, after)) return
        kill(peerId)
        killed.push(peerId)
        killedAt = performance.now()
        atLineStart = true
        terminal.print('\n')
        narration.say(`Killed ${narration.peer(peerId)} with SIGKILL in mid-count.`)
      },
      onEvent: (ended) => {
        event = ended
      },
    },
  ).finally(() => {
    terminal.print('\n')
    if (event !== undefined) explain(session, narration, event)
  })
  emitDone(terminal, answer)
  return verdict(answer.text, killed.length, event?.resumes ?? 0)
}

function explain({ terminal }: Session, narration: Narration, event: RequestEvent): void {
  terminal.emit({ ...event, event: 'explain' })
  const lines = timeline(event, { name: narration.name, paint: narration.piece })
  terminal.print(`\n${lines.join('\n')}\n\n`)
}
