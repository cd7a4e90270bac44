/** One request that waits for its turn. */
export interface Waiter {
  /** Whose it is: turns go round by key. */
  readonly key: string
  readonly go: () => void
}

/** Requests at a time for each slot of the peers: while one is served, the next is on its way. */
const PER_SLOT = 2
/** Weight of the newest request in the mean of how long one takes. */
const SMOOTHING = 0.2
/** An estimate of fewer requests says little. */
const MIN_SAMPLES = 3

/**
 * The requests for one model: how many run, who waits, and who is next. Keys take turns, each with its oldest request.
 * Pure bookkeeping: no clock, no promise.
 */
export class Lane {
  running = 0
  readonly #waiting = new Map<string, Waiter[]>()
  /** Learned from refusals; grows again by one with each answer. */
  #ceiling = Number.POSITIVE_INFINITY
  #heldMs = 0
  #samples = 0

  get depth(): number {
    let depth = 0
    for (const waiters of this.#waiting.values()) depth += waiters.length
    return depth
  }

  get isIdle(): boolean {
    return this.running === 0 && this.#waiting.size === 0
  }

  depthOf(key: string): number {
    return this.#waiting.get(key)?.length ?? 0
  }

  /** @param slots of the peers that are known to serve the model; 0: unknown, so that only refusals bound it */
  limit(slots: number): number {
    return Math.max(1, Math.min(this.#ceiling, slots > 0 ? PER_SLOT * slots : this.#ceiling))
  }

  add(waiter: Waiter, { first }: { readonly first: boolean }): void {
    const waiters = this.#waiting.get(waiter.key) ?? []
    if (first) waiters.unshift(waiter)
    else waiters.push(waiter)
    this.#waiting.set(waiter.key, waiters)
  }

  remove(waiter: Waiter): void {
    const rest = (this.#waiting.get(waiter.key) ?? []).filter((other) => other !== waiter)
    if (rest.length > 0) this.#waiting.set(waiter.key, rest)
    else this.#waiting.delete(waiter.key)
  }

  /** Takes out the next one. Its key goes to the end of the round. */
  next(): Waiter | undefined {
    const [round] = this.#waiting
    if (round === undefined) return undefined
    const [key, [waiter, ...rest]] = round
    this.#waiting.delete(key)
    if (rest.length > 0) this.#waiting.set(key, rest)
    return waiter
  }

  /** Turns that come before the newest request of a key. */
  ahead(key: string): number {
    const own = Math.max(0, this.depthOf(key) - 1)
    let ahead = own
    for (const [other, waiters] of this.#waiting) {
      if (other !== key) ahead += Math.min(waiters.length, own + 1)
    }
    return ahead
  }

  /** An answer came, `heldMs` after its turn had begun. */
  answered(heldMs: number): void {
    this.#samples += 1
    this.#heldMs += (heldMs - this.#heldMs) * (this.#samples === 1 ? 1 : SMOOTHING)
    this.#ceiling += 1
  }

  /** The peers had no room for one of those that run. */
  refused(): void {
    this.#ceiling = Math.max(1, Math.min(this.#ceiling, this.running - 1))
  }

  /** Until a request with so many ahead of it has its turn; `undefined` before enough is known. */
  waitMs(ahead: number, slots: number): number | undefined {
    if (this.#samples < MIN_SAMPLES) return undefined
    return ((ahead + 1) * this.#heldMs) / Math.min(this.limit(slots), Math.max(1, this.running))
  }
}
