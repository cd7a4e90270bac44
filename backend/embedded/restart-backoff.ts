const FIRST_MS = 200
const LONGEST_MS = 30_000
/** After this long a time of work, a death counts as the first again. */
const SETTLED_MS = 60_000

/** How long to wait before the engine process is started again. Doubles with each death in a row. */
export class RestartBackoff {
  #deaths = 0

  /** @param livedMs How long the process had been ready, 0 if it never was. */
  next(livedMs: number): number {
    if (livedMs >= SETTLED_MS) this.#deaths = 0
    const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#deaths)
    this.#deaths++
    return wait
  }
}
