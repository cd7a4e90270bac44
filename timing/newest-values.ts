/** The newest of the measured values, and their quantiles. Kept sorted: a quantile is read with each value that comes. */
export class NewestValues {
  readonly #most: number
  readonly #inOrder: number[] = []
  readonly #sorted: number[] = []

  /** @param most values kept */
  constructor(most: number) {
    this.#most = most
  }

  get count(): number {
    return this.#sorted.length
  }

  add(value: number): void {
    this.#inOrder.push(value)
    this.#sorted.splice(firstNotBelow(this.#sorted, value), 0, value)
    const oldest = this.count > this.#most ? this.#inOrder.shift() : undefined
    if (oldest !== undefined) this.#sorted.splice(firstNotBelow(this.#sorted, oldest), 1)
  }

  /** The value with so many smaller ones, counted from 0; undefined if there are fewer. */
  at(rank: number): number | undefined {
    return this.#sorted[rank]
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
