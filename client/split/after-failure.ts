import { ERROR_TABLE, type InferenceError, isErrorCode } from '../../protocol/index.ts'
import { backoffMs, QUARTER_JITTER } from '../../timing/index.ts'

/** Whether an attempt ended because the peer was busy. This says nothing of the part and is not its failure. */
export function isRefusal(outcome: string): boolean {
  return isErrorCode(outcome) && ERROR_TABLE[outcome].kind === 'busy'
}

/** Before a part is tried again. */
const BACKOFF = { minMs: 250, maxMs: 10_000, jitter: QUARTER_JITTER }

/**
 * What becomes of a part that failed. `later`: tried again for as long as there is time. `again`: tried again a few
 * times. `absent`: nobody was there to ask. `never`: the same would come of it.
 */
export function afterFailure({
  code,
  traits,
  details,
}: Pick<InferenceError, 'code' | 'details' | 'traits'>): 'later' | 'again' | 'absent' | 'never' {
  if (traits.kind === 'busy') return 'later'
  // Where peers had no room, too many retries are a sign of that, and none of the part.
  const last = details.attempts?.at(-1)
  if (code === 'budget_exhausted' && last !== undefined && isRefusal(last.outcome)) return 'later'
  if (traits.kind === 'absent') return 'absent'
  return traits.blame === 'caller' ? 'never' : 'again'
}

/** How long to leave a part alone: a backoff over failures in a row, never less than asked for. */
export function pauseMs(
  failures: number,
  { retryAfterMs }: Pick<InferenceError, 'retryAfterMs'>,
  random: () => number,
): number {
  return Math.max(retryAfterMs ?? 0, backoffMs(failures - 1, BACKOFF, random()))
}
