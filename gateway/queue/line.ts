/** One queued request. */
export interface Waiter {
  /** Its API key. */
  readonly key: string
  go(): void
}

/** The waiting requests of one key, oldest first. */
export class Line {
  waiters: Waiter[] = []
  /** Virtual start of its next turn: keys are as far as the sum of their turns, each divided by the key's weight. */
  tag: number
  readonly #weight: () => number

  /** @param weight above 0; it may change at any time */
  constructor(tag: number, weight: () => number) {
    this.tag = tag
    this.#weight = weight
  }

  get #cost(): number {
    return 1 / this.#weight()
  }

  take(): Waiter | undefined {
    this.tag += this.#cost
    return this.waiters.shift()
  }

  /** Returns a turn that was not used. */
  putBack(waiter: Waiter): void {
    this.tag -= this.#cost
    this.waiters.unshift(waiter)
  }

  /** Virtual start of the turn after so many turns of this key. */
  tagAfter(turns: number): number {
    return this.tag + turns * this.#cost
  }

  /** Its turns that start no later than a tag. */
  turnsUntil(tag: number): number {
    if (tag < this.tag) return 0
    return Math.min(this.waiters.length, Math.floor((tag - this.tag) / this.#cost) + 1)
  }
}
