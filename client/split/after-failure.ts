import type { ErrorCode, InferenceError } from '../../protocol/index.ts'
import { backoffMs, QUARTER_JITTER } from '../../timing/index.ts'

/** Refusals that pass. They say nothing of the part, so they are no failure of it. */
const LATER: ReadonlySet<ErrorCode> = new Set([
  'over_capacity',
  'rate_limited',
  'loading',
  'draining',
])

/** Whether somebody had no room, or not yet. */
export function isRefusal(outcome: string): boolean {
  return (LATER as ReadonlySet<string>).has(outcome)
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
  if (LATER.has(code)) return 'later'
  // Where peers had no room, too many retries are a sign of that, and none of the part.
  const last = details.attempts?.at(-1)
  if (code === 'budget_exhausted' && last !== undefined && isRefusal(last.outcome)) return 'later'
  if (code === 'no_peers' || code === 'model_not_found') return 'absent'
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
