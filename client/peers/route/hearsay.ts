/** After this many failed dials in a row to peers known by hearsay only, hearsay is doubted. */
const DOUBT_AFTER = 3
/** After this time such a peer is again tried before the peers that failed. */
const DOUBT_MS = 60_000

/** Whether hearsay about peers has recently proved true. */
export class Hearsay {
  #unreached = 0
  #lastMs = Number.NEGATIVE_INFINITY

  /** A peer known by hearsay only could not be reached. */
  unreached(nowMs: number): void {
    this.#unreached += 1
    this.#lastMs = nowMs
  }

  /** Such a peer was reached. */
  reached(): void {
    this.#unreached = 0
  }

  isDoubted(nowMs: number): boolean {
    return this.#unreached >= DOUBT_AFTER && nowMs - this.#lastMs <= DOUBT_MS
  }
}
