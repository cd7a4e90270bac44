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
  readonly #gaps: number[] = []
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
    this.#gaps.push(gapMs)
    if (this.#gaps.length > MAX_GAPS) this.#gaps.shift()
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
    const sorted = this.#gaps.toSorted((a, b) => a - b)
    const at = (quantile: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? 0
    return Math.max(stallFloorMs, STALL_FACTOR * at(0.5), at(0.99)) * scale
  }

  /** A stall was acted upon: within the same gap the next action waits twice as long. */
  stalled(): void {
    this.#doublings += 1
  }
}
