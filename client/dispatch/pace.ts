/** Gaps remembered; of these the 99th percentile is the longest but one or two. */
const MAX_GAPS = 128
/** With fewer gaps an answer has no rhythm yet. */
const MIN_GAPS = 8
/** Routing practice: a gap of five times the usual is a stall. */
const STALL_FACTOR = 5
/** Before there is a rhythm, so many floors. */
const UNKNOWN_FLOORS = 4

export interface PaceLimits {
  readonly stallFloorMs: number
  readonly minTokensPerSecond: number
  readonly throughputWindowMs: number
}

/** The rhythm of one peer's answer: time spent waiting for it, and only that. */
export class Pace {
  readonly #limits: PaceLimits
  /** In the order of their coming. */
  readonly #gaps: number[] = []
  /** The same by length, kept so: sorting them at each piece would be a third of its whole cost. */
  readonly #sorted: number[] = []
  /** Waited for pieces that held nothing, since the last one that held something. */
  #emptyMs = 0
  #windowMs = 0
  #windowTokens = 0
  #doublings = 0

  constructor(limits: PaceLimits) {
    this.#limits = limits
  }

  /**
   * A piece came after so long a wait. One of no tokens makes the gap longer, and no more.
   *
   * @returns whether the peer is too slow over the last whole window
   */
  waited(waitedMs: number, tokens: number): boolean {
    if (tokens === 0) {
      this.#emptyMs += waitedMs
      return false
    }
    const gapMs = this.#emptyMs + waitedMs
    this.#emptyMs = 0
    this.#doublings = 0
    this.#remember(gapMs)
    this.#windowMs += gapMs
    this.#windowTokens += tokens
    const { throughputWindowMs, minTokensPerSecond } = this.#limits
    if (this.#windowMs < throughputWindowMs) return false
    const tooSlow = this.#windowTokens / this.#windowMs < minTokensPerSecond / 1_000
    this.#windowMs = 0
    this.#windowTokens = 0
    return tooSlow
  }

  /** Gap from which on the peer counts as stalled: above five times the median and the 99th percentile of its gaps. */
  stallMs(): number {
    const { stallFloorMs } = this.#limits
    const scale = 2 ** this.#doublings
    if (this.#gaps.length < MIN_GAPS) return UNKNOWN_FLOORS * stallFloorMs * scale
    const sorted = this.#sorted
    const at = (quantile: number): number => sorted[Math.floor(quantile * sorted.length)] ?? 0
    return Math.max(stallFloorMs, STALL_FACTOR * at(0.5), at(0.99)) * scale
  }

  #remember(gapMs: number): void {
    this.#gaps.push(gapMs)
    this.#sorted.splice(firstNotBelow(this.#sorted, gapMs), 0, gapMs)
    const forgotten = this.#gaps.length > MAX_GAPS ? this.#gaps.shift() : undefined
    if (forgotten !== undefined) this.#sorted.splice(firstNotBelow(this.#sorted, forgotten), 1)
  }

  /** A stall was acted upon: within the same gap the next action waits twice as long. */
  stalled(): void {
    this.#doublings += 1
  }
}

function firstNotBelow(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}
