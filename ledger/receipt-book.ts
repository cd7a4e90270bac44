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
  readonly #byPair = new Map<string, Receipt[]>()
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
    const before = this.#byPair.get(pair) ?? []
    const same = before.find(({ sequence }) => sequence === receipt.sequence)
    if (same !== undefined && !equals(same.hash, receipt.hash)) {
      this.#fork(pair, before)
      return 'forked'
    }
    const nonce = nonceOf(receipt)
    if (same !== undefined || this.#nonces.has(nonce)) return 'known'
    const all = [...before, receipt].toSorted((a, b) => a.sequence - b.sequence)
    if (contradicts(all)) {
      this.#fork(pair, before)
      return 'forked'
    }
    const kept = all.slice(-MAX_OF_PAIR)
    for (const dropped of all.slice(0, -MAX_OF_PAIR)) this.#nonces.delete(nonceOf(dropped))
    if (kept.includes(receipt)) this.#nonces.add(nonce)
    this.#byPair.set(pair, kept)
    this.#size += kept.length - before.length
    this.#changes += 1
    if (this.#size > MAX_RECEIPTS) this.#dropLeast()
    return kept.includes(receipt) ? 'new' : 'known'
  }

  /** The last of a pair's chain, which the next one has to follow. */
  latest(client: string, server: string): Receipt | undefined {
    return this.#byPair.get(pairOf(client, server))?.at(-1)
  }

  /** All that have not expired. */
  all(): readonly Receipt[] {
    const all = [...this.#byPair.values()].flat()
    return all.filter((receipt) => !this.#isExpired(receipt))
  }

  #isExpired({ endedAtMs }: Receipt): boolean {
    return endedAtMs < this.#now() - LIMITS.maxReceiptAgeMs
  }

  /** Neither side can be believed: both signed what cannot both be. */
  #fork(pair: string, receipts: readonly Receipt[]): void {
    for (const receipt of receipts) this.#nonces.delete(nonceOf(receipt))
    this.#byPair.delete(pair)
    this.#size -= receipts.length
    this.#changes += 1
    this.#forked.add(pair)
    const [oldest] = this.#forked
    if (this.#forked.size > MAX_FORKED && oldest !== undefined) this.#forked.delete(oldest)
  }

  /** An eighth at a time, so that this is seldom. Of those worth the same the oldest. */
  #dropLeast(): void {
    const worth = new Map<Receipt, number>()
    for (const receipt of [...this.#byPair.values()].flat())
      worth.set(receipt, this.#worth(receipt))
    const of = (receipt: Receipt): number => worth.get(receipt) ?? 0
    const all = [...worth.keys()].toSorted((a, b) => of(a) - of(b) || a.endedAtMs - b.endedAtMs)
    const dropped = new Set(all.slice(0, Math.max(all.length - MAX_RECEIPTS, MAX_RECEIPTS / 8)))
    for (const receipt of dropped) this.#nonces.delete(nonceOf(receipt))
    for (const [pair, receipts] of this.#byPair) {
      const kept = receipts.filter((receipt) => !dropped.has(receipt))
      if (kept.length === 0) this.#byPair.delete(pair)
      else this.#byPair.set(pair, kept)
    }
    this.#size -= dropped.size
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
