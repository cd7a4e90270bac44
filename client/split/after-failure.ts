import type { ErrorCode, InferenceError } from '../../protocol/index.ts'

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

const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 10_000

/**
 * What becomes of a part that failed. `later`: tried again for as long as there is time. `again`: tried again a few
 * times. `never`: the same would come of it.
 *
 * @param answered whether any part was answered: without one, that there are no peers is no passing state
 */
export function afterFailure(
  { code, traits }: Pick<InferenceError, 'code' | 'traits'>,
  answered: boolean,
): 'later' | 'again' | 'never' {
  if (LATER.has(code)) return 'later'
  if (traits.blame === 'caller' || code === 'model_not_found') return 'never'
  return code === 'no_peers' && !answered ? 'never' : 'again'
}

/** How long to leave a part alone: doubles with each failure in a row, jittered by a quarter, never less than asked for. */
export function pauseMs(
  failures: number,
  { retryAfterMs }: Pick<InferenceError, 'retryAfterMs'>,
  random: () => number,
): number {
  const backoffMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))
  return Math.max(retryAfterMs ?? 0, backoffMs * (0.75 + random() / 2))
}
