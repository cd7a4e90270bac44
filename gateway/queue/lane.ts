import { Line, type Waiter } from './line.ts'

/** Concurrent requests per slot: while one is served, the next is on its way. */
const PER_SLOT = 2
/** Weight of the newest request in the moving average of the service time. */
const SMOOTHING = 0.2
/** Fewer samples give no useful estimate. */
const MIN_SAMPLES = 3

/**
 * Turns, by weight 1, that a key which used less than its share has ahead of others: requests come by chance, and a key
 * with a long line would otherwise have a turn between each two of theirs.
 */
const CREDIT = 8

/** Turns of a key for each turn of a key of weight 1. */
export type WeightOf = (key: string) => number

/**
 * The requests for one model: running, queued and next. Keys take turns by their weights (start-time fair queueing,
 * Goyal, Vin and Cheng 1996), each with its oldest request. Pure: no clock, no promises.
 */
export class Lane {
  running = 0
  readonly #weightOf: WeightOf
  readonly #lines = new Map<string, Line>()
  /** Where keys without waiting requests go on, as far as they have less than the full credit. */
  readonly #left = new Map<string, number>()
  /** Tag of the latest turn. */
  #reached = 0
  /** Concurrency limit, lowered by refusals and raised by one with each answer. */
  #ceiling = Number.POSITIVE_INFINITY
  #heldMs = 0
  #samples = 0

  constructor(weightOf: WeightOf = () => 1) {
    this.#weightOf = weightOf
  }

  get depth(): number {
    let depth = 0
    for (const line of this.#lines.values()) depth += line.waiters.length
    return depth
  }

  get isIdle(): boolean {
    return this.running === 0 && this.#lines.size === 0
  }

  depthOf(key: string): number {
    return this.#lines.get(key)?.waiters.length ?? 0
  }

  /** @param slots of the known peers serving the model; 0: unknown, limited only by refusals */
  limit(slots: number): number {
    return Math.max(1, Math.min(this.#ceiling, slots > 0 ? PER_SLOT * slots : this.#ceiling))
  }

  /** @param first the waiter gave up a turn, which is returned to its key */
  add(waiter: Waiter, { first }: { readonly first: boolean }): void {
    const { key } = waiter
    const line = this.#lines.get(key) ?? this.#newLine(key)
    if (first) line.putBack(waiter)
    else line.waiters.push(waiter)
    this.#lines.set(key, line)
  }

  remove(waiter: Waiter): void {
    const line = this.#lines.get(waiter.key)
    if (line === undefined) return
    line.waiters = line.waiters.filter((other) => other !== waiter)
    if (line.waiters.length === 0) this.#close(waiter.key, line)
  }

  /** Removes the next request. Of keys that are equally far, the one that waits longest goes first. */
  next(): Waiter | undefined {
    let first: readonly [string, Line] | undefined
    for (const entry of this.#lines) {
      if (first === undefined || entry[1].tag < first[1].tag) first = entry
    }
    if (first === undefined) return undefined
    const [key, line] = first
    this.#reached = Math.max(this.#reached, line.tag)
    const waiter = line.take()
    this.#lines.delete(key)
    if (line.waiters.length > 0) this.#lines.set(key, line)
    else this.#close(key, line)
    return waiter
  }

  /** Number of turns before a request of this key: its newest, or one that were added now. */
  ahead(key: string, { added = false }: { readonly added?: boolean } = {}): number {
    const line = this.#lines.get(key) ?? this.#newLine(key)
    const own = Math.max(0, line.waiters.length - (added ? 0 : 1))
    const tag = line.tagAfter(own)
    let ahead = own
    for (const [other, theirs] of this.#lines) {
      if (other !== key) ahead += theirs.turnsUntil(tag)
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

  #newLine(key: string): Line {
    const tag = Math.max(this.#reached - CREDIT, this.#left.get(key) ?? Number.NEGATIVE_INFINITY)
    return new Line(tag, () => this.#weightOf(key))
  }

  /** What a key has had counts until the others are as far. */
  #close(key: string, { tag }: Line): void {
    this.#lines.delete(key)
    const full = this.#reached - CREDIT
    for (const [other, left] of this.#left) if (left <= full) this.#left.delete(other)
    if (tag > full) this.#left.set(key, tag)
  }
}
