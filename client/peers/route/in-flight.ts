/** From a choice to its beginning there are a few turns of the event loop. */
const EXPECTED_MS = 50

/** Our own requests at each peer: the one measure of load that is never late. */
export class InFlight {
  readonly #counts = new Map<string, number>()
  /** Until when each choice that has not begun yet counts. */
  readonly #expected = new Map<string, number[]>()

  of(peer: string): number {
    return this.#counts.get(peer) ?? 0
  }

  /** With those that were chosen a moment ago and are about to begin: many choices may fall at the same time. */
  soon(peer: string, nowMs: number): number {
    const expected = this.#expected.get(peer)?.filter((untilMs) => untilMs > nowMs) ?? []
    if (expected.length > 0) this.#expected.set(peer, expected)
    else this.#expected.delete(peer)
    return this.of(peer) + expected.length
  }

  /** One was chosen. It counts until it begins, or for a moment where it does not. */
  expect(peer: string, nowMs: number): void {
    const expected = this.#expected.get(peer) ?? []
    expected.push(nowMs + EXPECTED_MS)
    this.#expected.set(peer, expected)
  }

  /** Counts one until disposed. */
  enter(peer: string): Disposable {
    this.#expected.get(peer)?.shift()
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
