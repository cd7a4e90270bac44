/** Our own requests at each peer: the one measure of load that is never late. */
export class InFlight {
  readonly #counts = new Map<string, number>()

  of(peer: string): number {
    return this.#counts.get(peer) ?? 0
  }

  /** Counts one until disposed. */
  enter(peer: string): Disposable {
    this.#counts.set(peer, this.of(peer) + 1)
    return {
      [Symbol.dispose]: () => {
        const left = this.of(peer) - 1
        if (left > 0) this.#counts.set(peer, left)
        else this.#counts.delete(peer)
      },
    }
  }

  get total(): number {
    let total = 0
    for (const count of this.#counts.values()) total += count
    return total
  }
}
