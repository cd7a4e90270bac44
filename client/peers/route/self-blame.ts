import { ERROR_TABLE, type ErrorCode } from '../../../protocol/index.ts'

/** So many distinct peers at once are one cause, and it is at this end. */
const MIN_PEERS = 3
const WINDOW_MS = 60_000

interface Verdict<T> {
  readonly atMs: number
  /** What to go back to. */
  readonly before: T
}

/**
 * Blames the own network first: where several distinct peers fail in a row with nobody answering in between, the
 * verdicts are taken back and none is passed until somebody is heard.
 */
export class SelfBlame<T> {
  readonly #verdicts = new Map<string, Verdict<T>>()
  #suspected = false

  /** Whether the own network is suspected: no verdict holds. */
  get suspected(): boolean {
    return this.#suspected
  }

  /**
   * @param before what was known of the peer before this failure
   * @returns what to go back to for each peer, once the own network is suspected
   */
  failed(peer: string, code: ErrorCode, before: T, nowMs: number): ReadonlyMap<string, T> {
    // Only what a broken network of one's own does to every peer alike.
    if (ERROR_TABLE[code].kind !== 'transport') return new Map()
    for (const [other, { atMs }] of this.#verdicts) {
      if (nowMs - atMs > WINDOW_MS) this.#verdicts.delete(other)
    }
    const first = this.#verdicts.get(peer)?.before ?? before
    this.#verdicts.set(peer, { atMs: nowMs, before: first })
    if (this.#verdicts.size < MIN_PEERS) return new Map()
    this.#suspected = true
    const back = new Map([...this.#verdicts].map(([other, verdict]) => [other, verdict.before]))
    this.#verdicts.clear()
    return back
  }

  /** Somebody was heard: the network is there. */
  heard(): void {
    this.#suspected = false
    this.#verdicts.clear()
  }
}
