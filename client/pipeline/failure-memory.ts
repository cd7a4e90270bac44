import { LRUCache } from 'lru-cache'
import { InferenceError, LIMITS } from '../../protocol/index.ts'
import { backoffMs } from '../../timing/index.ts'

/** Consecutive failures before requests are answered from memory: fewer may be bad luck. */
const MIN_FAILURES = 3
/** Max time between consecutive failures. */
const WINDOW_MS = 60_000
/** How long a failure without `retryAfterMs` is remembered, doubled with further failures. */
const BACKOFF = { minMs: 1_000, maxMs: 30_000 }
/** Max requests remembered. */
const MAX_KEYS = 1_024

interface Row {
  readonly failures: number
  readonly failedMs: number
  /** Answered from memory before this time. */
  readonly untilMs: number
  readonly error: InferenceError
}

/**
 * Remembers requests that fail repeatedly and answers them with their last failure for a while, so that an agent in a loop
 * costs the swarm nothing. All times are of one monotonic clock.
 */
export class FailureMemory {
  readonly #rows = new LRUCache<string, Row>({ max: MAX_KEYS })

  /** Records a failure after peers were asked. Not to be called with an error from `recall`. */
  failed(key: string, error: InferenceError, nowMs: number): void {
    const { blame, retryElsewhere } = error.traits
    // An invalid or cancelled request fails immediately, at no cost to a peer.
    if (blame === 'caller' && !retryElsewhere) return
    const before = this.#rows.peek(key)
    const inRow =
      before !== undefined && nowMs - Math.max(before.failedMs, before.untilMs) <= WINDOW_MS
    const failures = inRow ? before.failures + 1 : 1
    const untilMs = failures < MIN_FAILURES ? nowMs : nowMs + durationMs(error, failures)
    this.#rows.set(key, { failures, failedMs: nowMs, untilMs, error })
  }

  succeeded(key: string): void {
    this.#rows.delete(key)
  }

  /**
   * The last failure of a request that failed at least three times in a row, each time within 60 s of the previous failure
   * or of the end of its being remembered. It is remembered for its own `retryAfterMs`, at most 60 s; without one for 1 s,
   * doubled with each further failure up to 30 s. The error's `retryAfterMs` is the rest of that time.
   */
  recall(key: string, nowMs: number): InferenceError | undefined {
    const row = this.#rows.get(key)
    if (row === undefined || nowMs >= row.untilMs) return undefined
    const { error, failures } = row
    return new InferenceError(
      error.code,
      `the same request failed ${failures} times in a row, so no peer was asked; last failure: ${error.message}`,
      { cause: error, details: error.details, retryAfterMs: Math.ceil(row.untilMs - nowMs) },
    )
  }

  /** Number of requests remembered, including those that failed only once. */
  get size(): number {
    return this.#rows.size
  }
}

function durationMs(error: InferenceError, failures: number): number {
  if (error.retryAfterMs !== undefined) return Math.min(error.retryAfterMs, LIMITS.maxRetryAfterMs)
  return backoffMs(failures - MIN_FAILURES, BACKOFF)
}
