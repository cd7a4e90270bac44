import { type Outcome, type Question, Watch } from '../testing/chaos/watch.ts'
import type { SwarmClient } from '../testing/swarms/chaos-swarm.ts'
import { TIMED_MODEL } from './timed-engine.ts'

/** Takes the serving peer away. @returns when that was; nothing where the last piece from it is what counts */
export type Strike = (peerId: string) => Promise<number> | undefined

export interface InterruptionInit {
  readonly client: SwarmClient
  readonly question: Question
  /** Pieces after which the serving peer is lost, counted anew from each seam. */
  readonly every: number
  readonly losses: number
  readonly strike: Strike
}

interface Pending {
  readonly peerId: string
  readonly lossAt: Promise<number> | undefined
  lastPieceAt: number
}

/** Answers that lose their peer mid-answer, and the caller's gap. */
export class Interruptions {
  /** From the loss to the next piece at the caller. */
  readonly recoveryMs: number[] = []
  /** TTFT of the attempt that took over. */
  readonly takeoverMs: number[] = []
  /** Recovery minus that: detection, selection, cancellation. */
  readonly beyondMs: number[] = []
  /** First piece of undisturbed answers in between. */
  readonly ttftMs: number[] = []
  losses = 0
  readonly #watch = new Watch()

  /** Never rejects for what becomes of the answer. */
  async interrupt(init: InterruptionInit): Promise<Outcome> {
    const { client, question, every, strike } = init
    const felt: { readonly since: Promise<number> | number; readonly heardAt: number }[] = []
    let pending: Pending | undefined
    let pieces = 0
    let struck = 0
    const answer = client.requester.streamChat(chatOf(question))
    const outcome = await this.#watch.read(answer, question, (_text, peerId) => {
      const heardAt = performance.now()
      if (pending?.peerId === peerId) {
        pending.lastPieceAt = heardAt
        return
      }
      if (pending !== undefined) {
        felt.push({ since: pending.lossAt ?? pending.lastPieceAt, heardAt })
        pending = undefined
        pieces = 0
      }
      pieces += 1
      if (pieces < every || struck >= init.losses) return
      struck += 1
      pending = { peerId, lossAt: strike(peerId), lastPieceAt: heardAt }
    })
    this.losses += struck
    const takeovers = (outcome.event?.attempts ?? [])
      .filter(({ reason, deliveredTokens }) => reason !== 'first' && deliveredTokens > 0)
      .toSorted((a, b) => a.startedMs - b.startedMs)
    for (const [index, { since, heardAt }] of felt.entries()) {
      const recoveryMs = heardAt - (await since)
      this.recoveryMs.push(recoveryMs)
      const takeoverMs = takeovers[index]?.ttftMs
      if (takeoverMs === undefined || takeovers.length !== felt.length) continue
      this.takeoverMs.push(takeoverMs)
      this.beyondMs.push(recoveryMs - takeoverMs)
    }
    return outcome
  }

  /** One undisturbed answer. */
  async undisturbed(client: SwarmClient, question: Question): Promise<void> {
    const begin = performance.now()
    let first: number | undefined
    await this.#watch.read(client.requester.streamChat(chatOf(question)), question, () => {
      first ??= performance.now() - begin
    })
    if (first !== undefined) this.ttftMs.push(first)
  }

  /** Over all answers. */
  get tally(): ReturnType<Watch['tally']> {
    return this.#watch.tally()
  }
}

function chatOf({ prompt }: Question) {
  return {
    model: TIMED_MODEL,
    messages: [{ role: 'user', content: prompt }],
    temperature: 0,
  } as const
}
