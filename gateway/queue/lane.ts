/** One queued request. */
export interface Waiter {
  /** Its API key: turns are round-robin by key. */
  readonly key: string
  readonly go: () => void
}

/** Concurrent requests per slot: while one is served, the next is on its way. */
const PER_SLOT = 2
/** Weight of the newest request in the moving average of the service time. */
const SMOOTHING = 0.2
/** Fewer samples give no useful estimate. */
const MIN_SAMPLES = 3

/**
 * The requests for one model: running, queued and next. Keys take turns, each with its oldest request.
 * Pure: no clock, no promises.
 */
export class Lane {
  running = 0
  readonly #waiting = new Map<string, Waiter[]>()
  /** Concurrency limit, lowered by refusals and raised by one with each answer. */
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

  /** @param slots of the known peers serving the model; 0: unknown, limited only by refusals */
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

  /** Removes the next request. Its key moves to the end of the round. */
  next(): Waiter | undefined {
    const [round] = this.#waiting
    if (round === undefined) return undefined
    const [key, [waiter, ...rest]] = round
    this.#waiting.delete(key)
    if (rest.length > 0) this.#waiting.set(key, rest)
    return waiter
  }

  /** Number of turns before the newest request of a key. */
  ahead(key: string): number {
    const own = Math.max(0, this.depthOf(key) - 1)
    let ahead = own
    for (const [other, waiters] of this.#waiting) {
      if (other !== key) ahead += Math.min(waiters.length, own + 1)
    }
    return ahead
  }

  /** Records an answer, `heldMs` after its turn began. */
  answered(heldMs: number): void {
    this.#samples += 1
    this.#heldMs += (heldMs - this.#heldMs) * (this.#samples === 1 ? 1 : SMOOTHING)
    this.#ceiling += 1
  }

  /** Records a refusal of a running request for lack of slots. */
  refused(): void {
    this.#ceiling = Math.max(1, Math.min(this.#ceiling, this.running - 1))
  }

  /** Estimated wait with so many requests ahead; `undefined` without enough samples. */
  waitMs(ahead: number, slots: number): number | undefined {
    if (this.#samples < MIN_SAMPLES) return undefined
    return ((ahead + 1) * this.#heldMs) / Math.min(this.limit(slots), Math.max(1, this.running))
  }
}
