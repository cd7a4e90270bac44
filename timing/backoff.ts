export interface BackoffInit {
  /** Delay before the first retry, before jitter. */
  readonly minMs: number
  /** No delay is longer. */
  readonly maxMs: number
}

/**
 * Exponential backoff with jitter: between half and the whole of `minMs · 2^attempt`, capped, so that peers that lost
 * the same bootstrap peer do not come back all at once.
 *
 * @param attempt 0 for the first retry
 * @param random from 0 to 1
 */
export function backoffMs(attempt: number, random: number, init: BackoffInit): number {
  const ceiling = Math.min(init.maxMs, init.minMs * 2 ** Math.min(attempt, 30))
  return ceiling * (0.5 + random / 2)
}
