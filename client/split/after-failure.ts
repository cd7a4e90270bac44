import { ERROR_TABLE, type InferenceError, isErrorCode } from '../../protocol/index.ts'
import { backoffMs, QUARTER_JITTER } from '../../timing/index.ts'

/** Whether an attempt ended because the peer was busy, which is not a failure of the part. */
export function isBusy(outcome: string): boolean {
  return isErrorCode(outcome) && ERROR_TABLE[outcome].kind === 'busy'
}

/** Delay before a part is retried. */
const BACKOFF = { minMs: 250, maxMs: 10_000, jitter: QUARTER_JITTER }

/**
 * What follows the failure of a part.
 *
 * - `later`: retry as long as there is time.
 * - `again`: retry a few times.
 * - `absent`: no peer could be asked.
 * - `never`: a retry would fail in the same way.
 */
export function afterFailure({
  code,
  traits,
  details,
}: Pick<InferenceError, 'code' | 'details' | 'traits'>): 'later' | 'again' | 'absent' | 'never' {
  if (traits.kind === 'busy') return 'later'
  // If the last peer was busy, the exhausted budget is a sign of load, not of a bad part.
  const last = details.attempts?.at(-1)
  if (code === 'budget_exhausted' && last !== undefined && isBusy(last.outcome)) return 'later'
  if (traits.kind === 'absent') return 'absent'
  return traits.blame === 'caller' ? 'never' : 'again'
}

/** Delay before a retry: exponential over consecutive failures, and at least `retryAfterMs`. */
export function pauseMs(
  failures: number,
  { retryAfterMs }: Pick<InferenceError, 'retryAfterMs'>,
  random: () => number,
): number {
  return Math.max(retryAfterMs ?? 0, backoffMs(failures - 1, BACKOFF, random()))
}
