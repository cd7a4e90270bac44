import type {
  Client,
  ProgressReport,
  RequestEvent,
  RequestOptions,
  Verification,
} from '../client/index.ts'
import {
  type AttemptRecord,
  type ChatRequest,
  type FinishReason,
  type OpenAiUsage,
  plainText,
} from '../protocol/index.ts'
import { verdictWords } from './explain/index.ts'
import type { Terminal } from './terminal.ts'
import { WaitingLine } from './waiting-line.ts'

/** A complete answer, after streaming. */
export interface StreamedAnswer {
  readonly text: string
  readonly finishReason: FinishReason | null
  readonly usage: OpenAiUsage | null
  readonly attempts: readonly AttemptRecord[]
  /** Verification result, if verification was requested. */
  readonly verification?: Verification
}

export interface StreamOptions
  extends Pick<RequestOptions, 'policy' | 'resume' | 'trusted' | 'verify'> {
  readonly signal: AbortSignal
  /** Total deadline. @default the client's */
  readonly timeoutMs?: number
  /** Formats a piece for a person. @default unchanged */
  readonly show?: (piece: string, peerId: string) => string
  /** Called for each piece once it is shown, with all text so far. */
  readonly onPiece?: (text: string, peerId: string) => void
  /** Called once the request has ended, also after a failure. */
  readonly onEvent?: (event: RequestEvent) => void
}

/**
 * Streams an answer: text for a person, `delta` events for a script. Events carry the text exactly as
 * the peer sent it; what goes to a terminal is stripped of control characters.
 */
export async function streamAnswer(
  client: Client,
  terminal: Terminal,
  request: ChatRequest,
  options: StreamOptions,
): Promise<StreamedAnswer> {
  const { show = (piece) => piece, onPiece, onEvent, ...rest } = options
  const waiting = new WaitingLine(terminal)
  const onPeerProgress = (report: ProgressReport): void => {
    if (text === '') waiting.show(report)
  }
  const answer = client.chat({ ...request, stream: true }, { ...rest, onPeerProgress })
  const plain = plainText()
  let text = ''
  let finishReason: FinishReason | null = null
  try {
    for await (const chunk of answer) {
      const choice = chunk.choices[0]
      if (choice === undefined) continue
      finishReason = choice.finish_reason ?? finishReason
      const piece = choice.delta.content ?? choice.delta.refusal ?? ''
      if (piece === '') continue
      waiting.clear()
      text += piece
      const { peerId } = chunk.skein
      terminal.emit({ event: 'delta', text: piece, peerId } as { event: 'delta' })
      terminal.print(show(plain(piece), peerId))
      onPiece?.(text, peerId)
    }
  } finally {
    waiting.clear()
    if (answer.event !== undefined) onEvent?.(answer.event)
  }
  const { usage = null, attempts, event } = answer
  const { verification } = event ?? {}
  return { text, finishReason, usage, attempts, ...(verification && { verification }) }
}

export function emitDone(terminal: Terminal, answer: StreamedAnswer): void {
  terminal.emit({ ...answer, event: 'done' })
}

/** Notes that an answer is incomplete and how to get the rest; a script reads `finishReason`. */
export function printCut(terminal: Terminal, { finishReason }: StreamedAnswer): void {
  if (finishReason !== 'length' || terminal.json) return
  terminal.log(
    '(cut at the token limit: --max-tokens asks for more, as far as model and node allow)',
  )
}

/** Verification result as a line on stderr; for a script it is in the `done` event. */
export function printVerdict(terminal: Terminal, { verification }: StreamedAnswer): void {
  if (verification === undefined || terminal.json) return
  terminal.log(`Verified: ${verdictWords(verification).join('; ')}`)
}
