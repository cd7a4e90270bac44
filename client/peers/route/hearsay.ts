/** So many peers in a row that were only heard of and could not be reached are a tale. */
const DOUBT_AFTER = 3
/** After this one of them is tried again before the peers that failed. */
const DOUBT_MS = 60_000

/** Whether what others tell of peers has proved true lately. */
export class Hearsay {
  #unreached = 0
  #lastMs = Number.NEGATIVE_INFINITY

  /** A peer that was only heard of could not be reached. */
  unreached(nowMs: number): void {
    this.#unreached += 1
    this.#lastMs = nowMs
  }

  /** One was there. */
  reached(): void {
    this.#unreached = 0
  }

  isDoubted(nowMs: number): boolean {
    return this.#unreached >= DOUBT_AFTER && nowMs - this.#lastMs <= DOUBT_MS
  }
}
