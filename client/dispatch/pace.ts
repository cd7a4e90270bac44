/** Gaps kept; the 99th percentile of these is the second or third longest. */
const MAX_GAPS = 128
/** With fewer gaps the pace of an answer is unknown. */
const MIN_GAPS = 8
/** Common practice in routing: a gap of five times the usual one is a stall. */
const STALL_FACTOR = 5
/** While the pace is unknown, the stall gap is this many floors. */
const UNKNOWN_FLOORS = 4

export interface PaceLimits {
  readonly stallFloorMs: number
  readonly minTokensPerSecond: number
  readonly throughputWindowMs: number
}

/** The pace of one peer's answer. Counts only time spent waiting for the peer. */
export class Pace {
  readonly #limits: PaceLimits
  /** In order of arrival. */
  readonly #gaps: number[] = []
  /** The same gaps sorted by length. Kept sorted, as sorting at each piece would be a third of the cost of a piece. */
  readonly #sorted: number[] = []
  /** Time spent waiting for empty pieces since the last piece with tokens. */
  #emptyMs = 0
  #windowMs = 0
  #windowTokens = 0
  #doublings = 0

  constructor(limits: PaceLimits) {
    this.#limits = limits
  }

  /**
   * Records a piece and the wait before it. A piece without tokens only lengthens the current gap.
   *
   * @returns whether the peer was too slow over the last full window
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

  /** Gap from which the peer counts as stalled: at least five times the median and the 99th percentile of its gaps. */
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

  /** Records an action on a stall: within the same gap the next action waits twice as long. */
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
