import { ERROR_TABLE, type ErrorCode } from '../../../protocol/index.ts'

/** So many distinct peers failing at once have one cause, and it is at this end. */
const MIN_PEERS = 3
const WINDOW_MS = 60_000

interface SuspectedFailure<T> {
  readonly atMs: number
  /** The state to restore. */
  readonly before: T
}

/**
 * Suspects the own network first: if several distinct peers fail in a row without an answer from any peer in between,
 * their failures no longer count, and none counts until a peer answers.
 */
export class SelfBlame<T> {
  readonly #failures = new Map<string, SuspectedFailure<T>>()
  #suspected = false

  /** Whether the own network is suspected, so that no failure counts against a peer. */
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
    for (const [other, { atMs }] of this.#failures) {
      if (nowMs - atMs > WINDOW_MS) this.#failures.delete(other)
    }
    const first = this.#failures.get(peer)?.before ?? before
    this.#failures.set(peer, { atMs: nowMs, before: first })
    if (this.#failures.size < MIN_PEERS) return new Map()
    this.#suspected = true
    const back = new Map([...this.#failures].map(([other, failure]) => [other, failure.before]))
    this.#failures.clear()
    return back
  }

  /** A peer answered: the network works. */
  answered(): void {
    this.#suspected = false
    this.#failures.clear()
  }
}
