/** Number of recent parts considered. */
const MAX_SAMPLES = 64

/** Time per item, measured over recent parts. */
export class ItemTimes {
  readonly #samples: number[] = []
  #next = 0
  #median: number | undefined

  get count(): number {
    return this.#samples.length
  }

  /** Milliseconds per item; undefined before the first part. */
  get medianMs(): number | undefined {
    if (this.#samples.length === 0) return undefined
    this.#median ??= [...this.#samples].sort((a, b) => a - b)[this.#samples.length >> 1]
    return this.#median
  }

  add(partMs: number, items: number): void {
    this.#samples[this.#next] = partMs / items
    this.#next = (this.#next + 1) % MAX_SAMPLES
    this.#median = undefined
  }
}
