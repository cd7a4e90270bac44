import { LRUCache } from 'lru-cache'
import { CREDIT_HALF_LIFE_MS } from '../../ledger/index.ts'

/** Clients whose use is remembered. */
const MAX_CLIENTS = 10_000
/**
 * A contributor may take so many tokens for each that is credited to it. Both fade alike, so that at a steady pace this
 * holds of what is given and taken in a day.
 */
const MAX_DEBT_RATIO = 1

export interface FairnessInit {
  /**
   * Tokens of work that are credited to a peer now, by receipts of those whom this node trusts. Halves with
   * {@link CREDIT_HALF_LIFE_MS}, as what was taken does here.
   */
  readonly given: (peer: string) => number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What one client took, as it counted at a time. */
export interface Debt {
  readonly peer: string
  readonly tokens: number
  /** Milliseconds since 1970. */
  readonly atMs: number
}

/** Who contributes: what each client took of this node, against what its owner gave. Bounded. */
export class Fairness {
  readonly #init: FairnessInit
  readonly #taken = new LRUCache<string, Omit<Debt, 'peer'>>({ max: MAX_CLIENTS })
  #changes = 0

  constructor(init: FairnessInit) {
    this.#init = init
  }

  /** It was given an answer, or as much of it as it waited for. @param tokens read and written */
  served(peer: string, tokens: number): void {
    if (tokens <= 0) return
    this.#taken.set(peer, { tokens: this.taken(peer) + tokens, atMs: this.#init.now() })
    this.#changes += 1
  }

  /** Counts what changed, for those who keep it. */
  get changes(): number {
    return this.#changes
  }

  /** What clients took, the one who was last here at the end. */
  debts(): readonly Debt[] {
    const atMs = this.#init.now()
    const peers = [...this.#taken.keys()].reverse()
    // Less than a token is forgotten.
    return peers
      .map((peer) => ({ peer, tokens: this.taken(peer), atMs }))
      .filter(({ tokens }) => tokens >= 1)
  }

  /** Takes over what an earlier process knew. */
  restore(debts: readonly Debt[]): void {
    for (const { peer, tokens, atMs } of debts) {
      // A clock that was ahead must not make it more.
      this.#taken.set(peer, { tokens, atMs: Math.min(atMs, this.#init.now()) })
    }
  }

  /** Tokens that it took, those of a day ago half. */
  taken(peer: string): number {
    const taken = this.#taken.peek(peer)
    if (taken === undefined) return 0
    return taken.tokens * 2 ** ((taken.atMs - this.#init.now()) / CREDIT_HALF_LIFE_MS)
  }

  /** Tokens taken ÷ tokens given: infinite for one that gave nothing. */
  debtRatio(peer: string): number {
    const given = this.#init.given(peer)
    return given > 0 ? this.taken(peer) / given : Number.POSITIVE_INFINITY
  }

  /** Whether it comes before strangers. */
  contributes(peer: string): boolean {
    return this.debtRatio(peer) <= MAX_DEBT_RATIO
  }
}
