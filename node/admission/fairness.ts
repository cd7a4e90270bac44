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

interface Taken {
  readonly tokens: number
  readonly atMs: number
}

/** Who contributes: what each client took of this node, against what its owner gave. Bounded. */
export class Fairness {
  readonly #init: FairnessInit
  readonly #taken = new LRUCache<string, Taken>({ max: MAX_CLIENTS })

  constructor(init: FairnessInit) {
    this.#init = init
  }

  /** It was given an answer. @param tokens read and written */
  served(peer: string, tokens: number): void {
    this.#taken.set(peer, { tokens: this.#takenBy(peer) + tokens, atMs: this.#init.now() })
  }

  /** Tokens taken ÷ tokens given: infinite for one that gave nothing. */
  debtRatio(peer: string): number {
    const given = this.#init.given(peer)
    return given > 0 ? this.#takenBy(peer) / given : Number.POSITIVE_INFINITY
  }

  /** Whether it comes before strangers. */
  contributes(peer: string): boolean {
    return this.debtRatio(peer) <= MAX_DEBT_RATIO
  }

  #takenBy(peer: string): number {
    const taken = this.#taken.peek(peer)
    if (taken === undefined) return 0
    return taken.tokens * 2 ** ((taken.atMs - this.#init.now()) / CREDIT_HALF_LIFE_MS)
  }
}
