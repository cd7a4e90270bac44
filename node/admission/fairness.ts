import { LRUCache } from 'lru-cache'
import { CREDIT_HALF_LIFE_MS } from '../../ledger/index.ts'

/** Clients whose use is kept. */
const MAX_CLIENTS = 10_000
/**
 * Tokens that a contributor may take for each token credited to it. Both decay at the same rate, so that at a steady
 * pace the ratio holds for what is given and taken in a day.
 */
const MAX_DEBT_RATIO = 1

export interface FairnessInit {
  /**
   * Tokens of work that are credited to a peer now, by receipts that this node trusts. Half-life:
   * {@link CREDIT_HALF_LIFE_MS}, the same as for tokens taken.
   */
  readonly given: (peer: string) => number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Tokens that one client had taken, as of a time. */
export interface Debt {
  readonly peer: string
  readonly tokens: number
  /** Milliseconds since 1970. */
  readonly atMs: number
}

/** Tokens that each client took of this node, against what its owner contributed. Bounded. */
export class Fairness {
  readonly #init: FairnessInit
  readonly #taken = new LRUCache<string, Omit<Debt, 'peer'>>({ max: MAX_CLIENTS })
  #changes = 0

  constructor(init: FairnessInit) {
    this.#init = init
  }

  /** Charges a client for an answer, or for the part it waited for. @param tokens prompt and completion tokens */
  served(peer: string, tokens: number): void {
    if (tokens <= 0) return
    this.#taken.set(peer, { tokens: this.taken(peer) + tokens, atMs: this.#init.now() })
    this.#changes += 1
  }

  /** Revision number; changes with every charge. */
  get changes(): number {
    return this.#changes
  }

  /** Debts of clients, most recent client last. */
  debts(): readonly Debt[] {
    const atMs = this.#init.now()
    const peers = [...this.#taken.keys()].reverse()
    // A debt below one token is dropped.
    return peers
      .map((peer) => ({ peer, tokens: this.taken(peer), atMs }))
      .filter(({ tokens }) => tokens >= 1)
  }

  /** Restores the debts that an earlier process saved. */
  restore(debts: readonly Debt[]): void {
    for (const { peer, tokens, atMs } of debts) {
      // A clock that was ahead must not increase the debt.
      this.#taken.set(peer, { tokens, atMs: Math.min(atMs, this.#init.now()) })
    }
  }

  /** Tokens taken, with a half-life of a day. */
  taken(peer: string): number {
    const taken = this.#taken.peek(peer)
    if (taken === undefined) return 0
    return taken.tokens * 2 ** ((taken.atMs - this.#init.now()) / CREDIT_HALF_LIFE_MS)
  }

  /** Tokens taken ÷ tokens given; infinite if none were given. */
  debtRatio(peer: string): number {
    const given = this.#init.given(peer)
    return given > 0 ? this.taken(peer) / given : Number.POSITIVE_INFINITY
  }

  /** Whether the client has priority over strangers. */
  contributes(peer: string): boolean {
    return this.debtRatio(peer) <= MAX_DEBT_RATIO
  }
}
