/** Steps that took this long together are followed by a turn for others. */
const MAX_TURN_MS = 20

/**
 * Cuts work of many small steps, each of which may complete without waiting for anything, into turns of the event loop.
 * Measures time that the processor spends, which no virtual clock stands for.
 */
export class Turns {
  #sinceMs: number = performance.now()

  /** To be awaited between steps. Returns at once unless those since the last turn took long. */
  async next(): Promise<void> {
    if (performance.now() - this.#sinceMs < MAX_TURN_MS) return
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#sinceMs = performance.now()
  }
}
