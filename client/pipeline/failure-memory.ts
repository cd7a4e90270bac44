import { type ErrorCode, InferenceError, LIMITS } from '../../protocol/index.ts'

/** Failures in a row before they are remembered: fewer may be bad luck. */
const MIN_FAILURES = 3
/** A failure later than this after the one before begins a new row. */
const WINDOW_MS = 60_000
/** Where the error names no time: doubles with each further failure. */
const BASE_MS = 1_000
const MAX_MS = 30_000
/** Requests remembered; the one not heard of for longest leaves. */
const MAX_KEYS = 1_024
/** The caller's own doing, told at once and at no peer's cost. */
const NOT_REMEMBERED: ReadonlySet<ErrorCode> = new Set(['cancelled', 'invalid_request'])

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
  readonly #rows = new Map<string, Row>()

  /** Notes that peers were asked in vain. Not for what `recall` gave. */
  failed(key: string, error: InferenceError, nowMs: number): void {
    if (NOT_REMEMBERED.has(error.code)) return
    const before = this.#rows.get(key)
    const inRow =
      before !== undefined && nowMs - Math.max(before.failedMs, before.untilMs) <= WINDOW_MS
    const failures = inRow ? before.failures + 1 : 1
    const untilMs = failures < MIN_FAILURES ? nowMs : nowMs + durationMs(error, failures)
    this.#touch(key, { failures, failedMs: nowMs, untilMs, error })
    const [oldest] = this.#rows.keys()
    if (this.#rows.size > MAX_KEYS && oldest !== undefined) this.#rows.delete(oldest)
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
    this.#touch(key, row)
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

  #touch(key: string, row: Row): void {
    this.#rows.delete(key)
    this.#rows.set(key, row)
  }
}

function durationMs(error: InferenceError, failures: number): number {
  if (error.retryAfterMs !== undefined) return Math.min(error.retryAfterMs, LIMITS.maxRetryAfterMs)
  return Math.min(MAX_MS, BASE_MS * 2 ** (failures - MIN_FAILURES))
}
