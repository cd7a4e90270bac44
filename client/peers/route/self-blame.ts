import { ERROR_TABLE, type ErrorCode } from '../../../protocol/index.ts'

/** So many distinct peers failing at once have one cause, and it is at this end. */
const MIN_PEERS = 3
const WINDOW_MS = 60_000

interface Verdict<T> {
  readonly atMs: number
  /** The state to restore. */
  readonly before: T
}

/**
 * Suspects the own network first: if several distinct peers fail in a row without an answer from any peer in between,
 * the verdicts are withdrawn, and no verdict is passed until a peer is heard.
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
   * @returns the state to restore for each peer, once the own network is suspected
   */
  failed(peer: string, code: ErrorCode, before: T, nowMs: number): ReadonlyMap<string, T> {
    // Only failures that a broken own network causes for every peer alike.
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

  /** A peer was heard: the network works. */
  heard(): void {
    this.#suspected = false
    this.#verdicts.clear()
  }
}
