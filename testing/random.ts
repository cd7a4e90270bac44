/** Random numbers that are the same for the same seed. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0, below 1: Weyl's sequence, mixed as MurmurHash3's finalizer does (the mulberry32 scheme). */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }

  /** Another, independent stream. */
  fork(): Random {
    return new Random(Math.floor(this.next() * 2 ** 32))
  }

  /** From 0, below this. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(p: number): boolean {
    return this.next() < p
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next())
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
  }

  /** Half of the values are below `median`; `sigma` is of the logarithm. */
  logNormal(median: number, sigma: number): number {
    return median * Math.exp(sigma * this.normal())
  }

  /** So many distinct ones of the list, in random order; all, where there are fewer. */
  sample<T>(list: readonly T[], count: number): T[] {
    const taken = new Map<number, T>()
    const result: T[] = []
    const size = Math.min(count, list.length)
    for (let at = 0; at < size; at += 1) {
      const chosen = at + this.below(list.length - at)
      const value = taken.get(chosen) ?? (list[chosen] as T)
      taken.set(chosen, taken.get(at) ?? (list[at] as T))
      result.push(value)
    }
    return result
  }
}
