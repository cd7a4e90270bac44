import { type BucketState, type Clock, charge, delay } from '../../timing/index.ts'

export interface PacerInit {
  /** Ceiling over all answers together. 0: none. */
  readonly tokensPerSecond: number
  readonly now: () => number
  /** @default the machine's */
  readonly clock?: Clock
}

/** Delays answers so that all of them together stay below a rate. Never refuses. */
export class Pacer {
  readonly #init: PacerInit
  #tokensPerSecond: number
  #bucket: BucketState

  constructor(init: PacerInit) {
    this.#init = init
    this.#tokensPerSecond = init.tokensPerSecond
    // A quarter of a second of burst: less makes the timer's own coarseness the limit.
    this.#bucket = { amount: init.tokensPerSecond / 4, atMs: init.now() }
  }

  /** Sets another ceiling; 0: none. Waits that have begun last as long as they would have. */
  limit(tokensPerSecond: number): void {
    if (tokensPerSecond === this.#tokensPerSecond) return
    this.#tokensPerSecond = tokensPerSecond
    this.#bucket = { amount: tokensPerSecond / 4, atMs: this.#init.now() }
  }

  /** Books tokens that were already sent. @returns milliseconds to wait before the next */
  charge(tokens: number): number {
    const { now } = this.#init
    const tokensPerSecond = this.#tokensPerSecond
    if (tokensPerSecond <= 0) return 0
    const rate = { perSecond: tokensPerSecond, burst: tokensPerSecond / 4 }
    const { state, waitMs } = charge(this.#bucket, rate, now(), tokens)
    this.#bucket = state
    return waitMs
  }

  /**
   * Books tokens.
   *
   * @returns the wait until the rate allows the next, which rejects with the signal's reason; undefined for none
   */
  pace(tokens: number, signal: AbortSignal): Promise<void> | undefined {
    const waitMs = this.charge(tokens)
    return waitMs < 1 ? undefined : delay(waitMs, { signal, clock: this.#init.clock })
  }
}
