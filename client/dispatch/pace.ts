import { NewestValues } from '../../timing/index.ts'

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
  readonly #gaps = new NewestValues(MAX_GAPS)
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
    this.#gaps.add(gapMs)
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
    const { count } = this.#gaps
    if (count < MIN_GAPS) return UNKNOWN_FLOORS * stallFloorMs * scale
    const at = (quantile: number): number => this.#gaps.at(Math.floor(quantile * count)) ?? 0
    return Math.max(stallFloorMs, STALL_FACTOR * at(0.5), at(0.99)) * scale
  }

  /** Records an action on a stall: within the same gap the next action waits twice as long. */
  stalled(): void {
    this.#doublings += 1
  }
}
