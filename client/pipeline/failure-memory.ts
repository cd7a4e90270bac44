import { LRUCache } from 'lru-cache'
import { InferenceError, LIMITS } from '../../protocol/index.ts'
import { backoffMs } from '../../timing/index.ts'

/** Failures in a row before they are remembered: fewer may be bad luck. */
const MIN_FAILURES = 3
/** A failure later than this after the one before begins a new row. */
const WINDOW_MS = 60_000
/** How long a failure that names no time is remembered, over further failures in a row. */
const BACKOFF = { minMs: 1_000, maxMs: 30_000 }
/** Requests remembered. */
const MAX_KEYS = 1_024

interface Row {
  readonly failures: number
  readonly failedMs: number
  /** Answered from memory before this time. */
  readonly untilMs: number
  readonly error: InferenceError
}

/**
 * Requests that failed again and again without change. They are answered with their last failure for a while: an agent
 * in a loop then costs the swarm nothing. All times are of one clock that does not go back.
 */
export class FailureMemory {
  readonly #rows = new LRUCache<string, Row>({ max: MAX_KEYS })

  /** Notes that peers were asked in vain. Not for what `recall` gave. */
  failed(key: string, error: InferenceError, nowMs: number): void {
    const { blame, retryElsewhere } = error.traits
    // Found at once and at no peer's cost: an invalid request, or a cancelled one.
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
   * The last failure of a request that failed at least three times in a row, each within 60 s of the one before (or of
   * the end of its being answered from memory). For its own `retryAfterMs`, at most 60 s, else for 1 s, doubled with
   * each further failure up to 30 s. Its `retryAfterMs` is what is left of that.
   */
  recall(key: string, nowMs: number): InferenceError | undefined {
    const row = this.#rows.get(key)
    if (row === undefined || nowMs >= row.untilMs) return undefined
    const { error, failures } = row
    return new InferenceError(
      error.code,
      `answered from memory, no peer was asked: the same request failed ${failures} times in a row, last with: ${error.message}`,
      { cause: error, details: error.details, retryAfterMs: Math.ceil(row.untilMs - nowMs) },
    )
  }

  /** Requests remembered, also those that failed once. */
  get size(): number {
    return this.#rows.size
  }
}

function durationMs(error: InferenceError, failures: number): number {
  if (error.retryAfterMs !== undefined) return Math.min(error.retryAfterMs, LIMITS.maxRetryAfterMs)
  return backoffMs(failures - MIN_FAILURES, BACKOFF)
}
