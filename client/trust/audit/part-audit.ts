import { type Clock, openScope, raceSignal } from '../../../timing/index.ts'
import type { AnswerPart, AuditSubject } from './audit-subject.ts'
import { estimatedTokens } from './rating.ts'

/** One scorer's time: a place in its queue, and reading at 100 tokens a second, a slow CPU's. */
const SCORE_TIMEOUT_MS = 10_000
const SCORE_MS_PER_TOKEN = 10
const MAX_SCORE_TIMEOUT_MS = 60_000
/** One scorer's silence takes no more than this of what is left. */
const SHARE_OF_REST = 0.5

/** The audit of one part of an answer, and the time that it has. */
export interface PartAudit {
  readonly subject: AuditSubject
  readonly part: AnswerPart
  /** The text before this part is that of its tokens. */
  readonly areBound: boolean
  /** Of what was asked. */
  readonly promptBytes: number
  /** The caller's own: its reason is thrown. */
  readonly caller: AbortSignal
  /** Ends with the audit's time, too: then the votes so far have to do. */
  readonly signal: AbortSignal
  readonly remainingMs: () => number
}

/** Gives one scorer its time, and no more. @throws InferenceError `deadline_exceeded` */
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
