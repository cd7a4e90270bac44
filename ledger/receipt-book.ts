import { LRUCache } from 'lru-cache'
import { equals } from 'uint8arrays/equals'
import { toString as toText } from 'uint8arrays/to-string'
import { LIMITS, type Receipt } from '../protocol/index.ts'

/** Receipts kept: about 2 MB. */
const MAX_RECEIPTS = 4_096
/** Per client and server, so that a busy pair does not evict the others. */
const MAX_OF_PAIR = 32
/** Pairs that signed two receipts for the same place in their chain. */
const MAX_FORKED = 1_024

/** Outcome for a receipt: kept, known already, too old, or one of two that contradict each other. */
export type Entered = 'new' | 'known' | 'expired' | 'forked'

/**
 * Receipts with verified signatures: each once, without expired ones and without those of a pair that signed two for
 * the same place in its chain. Bounded.
 */
export class ReceiptBook {
  readonly #byPair = new Map<string, readonly Receipt[]>()
  /** By client and nonce. */
  readonly #nonces = new Set<string>()
  readonly #forked = new LRUCache<string, true>({ max: MAX_FORKED })
  readonly #now: () => number
  readonly #worth: (receipt: Receipt) => number
  #size = 0
  #changes = 0

  /**
   * @param now milliseconds since 1970
   * @param worth of a receipt: the least valuable are evicted first. @default the same for all
   */
  constructor(now: () => number, worth: (receipt: Receipt) => number = () => 0) {
    this.#now = now
    this.#worth = worth
  }

  get size(): number {
    return this.#size
  }

  /** Number of changes so far. Shows whether values computed from the book are stale. */
  get changes(): number {
    return this.#changes
  }

  /** Adds a receipt with verified signatures. */
  add(receipt: Receipt): Entered {
    if (this.#isExpired(receipt)) return 'expired'
    const pair = pairOf(receipt.client.toString(), receipt.server.toString())
    if (this.#forked.has(pair)) return 'forked'
    const before = this.#live(pair)
    const same = before.find(({ sequence }) => sequence === receipt.sequence)
    if (same !== undefined && !equals(same.hash, receipt.hash)) {
      this.#fork(pair)
      return 'forked'
    }
    if (same !== undefined || this.#nonces.has(nonceOf(receipt))) return 'known'
    const all = [...before, receipt].toSorted((a, b) => a.sequence - b.sequence)
    if (contradicts(all)) {
      this.#fork(pair)
      return 'forked'
    }
    const kept = all.slice(-MAX_OF_PAIR)
    if (!kept.includes(receipt)) return 'known'
    this.#keep(pair, kept)
    if (this.#size > MAX_RECEIPTS) this.#dropLeast()
    return 'new'
  }

  /** The last receipt of a pair's chain, which the next must follow. Absent once all have expired: the chain restarts. */
  latest(client: string, server: string): Receipt | undefined {
    return this.#live(pairOf(client, server)).at(-1)
  }

  /** All that have not expired. */
  all(): readonly Receipt[] {
    return [...this.#byPair.keys()].flatMap((pair) => this.#live(pair))
  }

  /** A pair's receipts in order; expired ones are removed. */
  #live(pair: string): readonly Receipt[] {
    const before = this.#byPair.get(pair) ?? []
    const live = before.filter((receipt) => !this.#isExpired(receipt))
    if (live.length < before.length) this.#keep(pair, live)
    return live
  }

  #keep(pair: string, receipts: readonly Receipt[]): void {
    const before = this.#byPair.get(pair) ?? []
    for (const receipt of before) this.#nonces.delete(nonceOf(receipt))
    for (const receipt of receipts) this.#nonces.add(nonceOf(receipt))
    if (receipts.length === 0) this.#byPair.delete(pair)
    else this.#byPair.set(pair, receipts)
    this.#size += receipts.length - before.length
    this.#changes += 1
  }

  #isExpired({ endedAtMs }: Receipt): boolean {
    return endedAtMs < this.#now() - LIMITS.maxReceiptAgeMs
  }

  /** Neither side can be believed: both signed contradicting receipts. */
  #fork(pair: string): void {
    this.#keep(pair, [])
    this.#forked.set(pair, true)
  }

  /** Evicts an eighth at a time, so that it happens rarely; of equal worth, the oldest. */
  #dropLeast(): void {
    const worth = new Map(this.all().map((receipt) => [receipt, this.#worth(receipt)]))
    const of = (receipt: Receipt): number => worth.get(receipt) ?? 0
    const all = [...worth.keys()].toSorted((a, b) => of(a) - of(b) || a.endedAtMs - b.endedAtMs)
    const dropped = new Set(all.slice(0, Math.max(all.length - MAX_RECEIPTS, MAX_RECEIPTS / 8)))
    for (const [pair, receipts] of this.#byPair) {
      const kept = receipts.filter((receipt) => !dropped.has(receipt))
      if (kept.length < receipts.length) this.#keep(pair, kept)
    }
  }
}

/** Whether the later of two neighbours in a chain does not name the earlier. */
function contradicts(chain: readonly Receipt[]): boolean {
  return chain.some((receipt, at) => {
    const before = chain[at - 1]
    const follows = before !== undefined && before.sequence + 1 === receipt.sequence
    return follows && !equals(before.hash, receipt.previousHash)
  })
}

/** Neither has a blank. */
const pairOf = (client: string, server: string): string => `${client} ${server}`

const nonceOf = ({ client, nonce }: Receipt): string => `${client} ${toText(nonce, 'base64')}`
