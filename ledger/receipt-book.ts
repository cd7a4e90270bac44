import { equals } from 'uint8arrays/equals'
import { toString as toText } from 'uint8arrays/to-string'
import { LIMITS, type Receipt } from '../protocol/index.ts'

/** Receipts that are kept. Some 2 MB. */
const MAX_RECEIPTS = 4_096
/** Of one client and server, so that a busy pair does not drive out the others. */
const MAX_OF_PAIR = 32
/** Pairs that signed two receipts for the same place in their chain. */
const MAX_FORKED = 1_024

/** What became of a receipt: kept, there already, too old, or one of two that cannot both be. */
export type Entered = 'new' | 'known' | 'expired' | 'forked'

/**
 * Receipts whose signatures were verified: each once, none that is too old, and none of a pair that signed two for the
 * same place in its chain. Bounded.
 */
export class ReceiptBook {
  readonly #byPair = new Map<string, readonly Receipt[]>()
  /** By client and nonce. */
  readonly #nonces = new Set<string>()
  readonly #forked = new Set<string>()
  readonly #now: () => number
  readonly #worth: (receipt: Receipt) => number
  #size = 0
  #changes = 0

  /**
   * @param now milliseconds since 1970
   * @param worth of a receipt: where there are too many, those worth least go first. @default the same for all
   */
  constructor(now: () => number, worth: (receipt: Receipt) => number = () => 0) {
    this.#now = now
    this.#worth = worth
  }

  get size(): number {
    return this.#size
  }

  /** Counts what changed, for those who compute from it. */
  get changes(): number {
    return this.#changes
  }

  /** Takes in a receipt whose signatures were verified. */
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

  /** The last of a pair's chain, which the next one has to follow. Absent once all have expired: then it starts anew. */
  latest(client: string, server: string): Receipt | undefined {
    return this.#live(pairOf(client, server)).at(-1)
  }

  /** All that have not expired. */
  all(): readonly Receipt[] {
    return [...this.#byPair.keys()].flatMap((pair) => this.#live(pair))
  }

  /** A pair's, in order; those that have expired meanwhile go. */
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

  /** Neither side can be believed: both signed what cannot both be. */
  #fork(pair: string): void {
    this.#keep(pair, [])
    this.#forked.add(pair)
    const [oldest] = this.#forked
    if (this.#forked.size > MAX_FORKED && oldest !== undefined) this.#forked.delete(oldest)
  }

  /** An eighth at a time, so that this is seldom. Of those worth the same the oldest. */
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

/** Neighbours in the chain of which the later does not name the earlier. */
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
