export interface TokenBucketInit {
  /** Tokens at the start, and at most. */
  readonly capacity: number
  readonly refillPerSecond: number
}

/** Lets a burst through and then a steady rate. The clock is passed in. */
export class TokenBucket {
  readonly #init: TokenBucketInit
  #tokens: number
  #at: number

  constructor(init: TokenBucketInit, nowMs: number) {
    this.#init = init
    this.#tokens = init.capacity
    this.#at = nowMs
  }

  /** Takes one token if there is one. */
  take(nowMs: number): boolean {
    const elapsedSeconds = Math.max(0, nowMs - this.#at) / 1_000
    this.#at = nowMs
    this.#tokens = Math.min(
      this.#init.capacity,
      this.#tokens + elapsedSeconds * this.#init.refillPerSecond,
    )
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
