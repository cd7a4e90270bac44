export interface BackoffInit {
  /** Delay before the first retry, before jitter. */
  readonly minMs: number
  /** Longest delay, before jitter. */
  readonly maxMs: number
  /** Range of the random factor on the delay. @default [1, 1]: no jitter */
  readonly jitter?: readonly [least: number, most: number]
}

/** From half to the whole delay, so that peers which failed together do not retry together. */
export const EQUAL_JITTER: readonly [number, number] = [0.5, 1]
/** From a quarter less to a quarter more: the mean stays the same. */
export const QUARTER_JITTER: readonly [number, number] = [0.75, 1.25]

/**
 * Exponential backoff: `minMs · 2^attempt`, capped at `maxMs`, times the jitter.
 *
 * @param attempt 0 for the first retry
 * @param random from 0, below 1; for a jitter
 */
export function backoffMs(attempt: number, init: BackoffInit, random = 0): number {
  const { minMs, maxMs, jitter: [least, most] = [1, 1] } = init
  // Beyond 2^60 any cap is reached; Infinity · 0 would be NaN.
  const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(Math.max(0, attempt), 60))
  return ceiling * (least + (most - least) * random)
}
