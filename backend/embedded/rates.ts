/** Shorter stretches say more about overhead than about speed. */
const MIN_TOKENS = 8
/** Weight of the newest measurement. */
const WEIGHT = 0.25

/** Running average of a speed in tokens a second. */
export class RateMeter {
  #rate = 0

  /** 0 until something was measured. */
  get rate(): number {
    return this.#rate
  }

  measure(tokens: number, milliseconds: number): void {
    if (tokens < MIN_TOKENS || milliseconds <= 0) return
    const rate = (tokens / milliseconds) * 1000
    this.#rate = this.#rate === 0 ? rate : this.#rate + WEIGHT * (rate - this.#rate)
  }
}
