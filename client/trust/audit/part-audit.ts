import { type Clock, openScope, raceSignal } from '../../../timing/index.ts'
import type { AnswerPart, AuditSubject } from './audit-subject.ts'
import { estimatedTokens } from './rating.ts'

/** Time for one scorer: waiting in its queue, then reading at 100 tokens/s, a slow CPU. */
const SCORE_TIMEOUT_MS = 10_000
const SCORE_MS_PER_TOKEN = 10
const MAX_SCORE_TIMEOUT_MS = 60_000
/** Max share of the audit's remaining time that one silent scorer may use. */
const SHARE_OF_REST = 0.5

/** The audit of one part of an answer, with its deadline. */
export interface PartAudit {
  readonly subject: AuditSubject
  readonly part: AnswerPart
  /** The displayed text before this part is the text of its tokens. */
  readonly isTextBeforeGenuine: boolean
  /** Bytes of the request. */
  readonly promptBytes: number
  /** The caller's signal, whose reason is thrown. */
  readonly caller: AbortSignal
  /** Also aborts when the audit's time is over; the votes so far then decide. */
  readonly signal: AbortSignal
  readonly remainingMs: () => number
}

/** Runs one scorer with a deadline. @throws InferenceError `deadline_exceeded` */
export async function withinTime<T>(
  { part, promptBytes, signal, remainingMs }: PartAudit,
  clock: Clock | undefined,
  work: (options: { readonly signal: AbortSignal; readonly timeoutMs: number }) => Promise<T>,
): Promise<T> {
  const tokens = estimatedTokens(promptBytes, part)
  const timeoutMs = Math.min(
    SCORE_TIMEOUT_MS + tokens * SCORE_MS_PER_TOKEN,
    MAX_SCORE_TIMEOUT_MS,
    SHARE_OF_REST * remainingMs(),
  )
  using scope = openScope({ timeoutMs, clock }, { signal })
  return await raceSignal(work({ signal: scope.signal, timeoutMs }), scope.signal)
}
