import type { Receipt } from '../protocol/index.ts'
import { CREDIT_HALF_LIFE_MS, creditFlow } from './credit.ts'
import { eigenTrust } from './eigentrust.ts'
import type { ReceiptBook } from './receipt-book.ts'

/** Share of trust that returns to the caller and its friends at each step. */
const RESTART = 0.5
/** Tokens that one receipt counts for at most: a single huge answer is no long acquaintance. */
const MAX_TOKENS = 10_000
/** Old receipts expire meanwhile. */
const MAX_AGE_MS = 60_000
/** Trust is recomputed at most once in this time, however many receipts arrive; it takes milliseconds. */
const MIN_AGE_MS = 1_000

interface Computed {
  readonly changes: number
  readonly atMs: number
  readonly masses: ReadonlyMap<string, number>
  /** Mean mass of the peers that served the pre-trusted ones: what an ordinary good peer has. */
  readonly ordinary: number
  /** Tokens given, by beneficiary. */
  readonly given: ReadonlyMap<string, number>
}

/**
 * The value of receipts to a reader that trusts itself and its friends: each counts as far as its signer is trusted,
 * directly or through others (personalised EigenTrust). Receipts that strangers give each other are worth nothing.
 */
export class SharedTrust {
  readonly #book: ReceiptBook
  readonly #preTrusted: readonly string[]
  readonly #now: () => number
  #computed: Computed | undefined

  /**
   * @param preTrusted ids of the caller and its friends
   * @param now milliseconds since 1970
   */
  constructor(book: ReceiptBook, preTrusted: readonly string[], now: () => number) {
    this.#book = book
    this.#preTrusted = preTrusted
    this.#now = now
  }

  /** Share of all trust; 0 if no trusted peer has a receipt for it. */
  mass(peer: string): number {
    return this.#current().masses.get(peer) ?? 0
  }

  /**
   * Standing of a server by the receipts of others: from 0.5 if nothing is known to 1 for as much trust as ordinary
   * servers of the caller and its friends have. Undefined if it served no trusted peer. Never below neutral: blame does
   * not travel.
   */
  standing(peer: string): number | undefined {
    const { masses, ordinary } = this.#current()
    const mass = masses.get(peer) ?? 0
    if (mass === 0 || ordinary === 0 || this.#preTrusted.includes(peer)) return undefined
    return 0.5 + 0.5 * Math.min(1, mass / ordinary)
  }

  /**
   * Tokens of work credited to this peer, decaying by half per day. Contract: {@link creditFlow}.
   */
  given(peer: string): number {
    return this.#current().given.get(peer) ?? 0
  }

  #current(): Computed {
    const { changes } = this.#book
    const nowMs = this.#now()
    const known = this.#computed
    const maxAgeMs = known?.changes === changes ? MAX_AGE_MS : MIN_AGE_MS
    if (known !== undefined && nowMs - known.atMs < maxAgeMs) return known
    this.#computed = { changes, atMs: nowMs, ...compute(this.#book.all(), this.#preTrusted, nowMs) }
    return this.#computed
  }
}

function compute(
  receipts: readonly Receipt[],
  preTrusted: readonly string[],
  nowMs: number,
): Omit<Computed, 'atMs' | 'changes'> {
  const edges = new Map<string, Map<string, number>>()
  const claims = new Map<string, Map<string, number>>()
  for (const receipt of receipts) {
    const client = receipt.client.toString()
    const server = receipt.server.toString()
    const { beneficiary } = receipt
    add(edges, client, server, tokensOf(receipt))
    // A server may name its owner: the owner gets no more trust than the server has.
    if (beneficiary !== server) add(edges, server, beneficiary, 1)
    // A client cannot credit itself.
    if (beneficiary !== client) add(claims, client, beneficiary, decayed(receipt, nowMs))
  }
  const masses = eigenTrust(edges, preTrusted, { restart: RESTART })
  const ordinary = ordinaryMass(edges, masses, preTrusted)
  return { masses, ordinary, given: creditFlow(claims, preTrusted) }
}

function add(
  rows: Map<string, Map<string, number>>,
  from: string,
  to: string,
  weight: number,
): void {
  const row = rows.get(from) ?? new Map<string, number>()
  row.set(to, (row.get(to) ?? 0) + weight)
  rows.set(from, row)
}

/** By the client's clock, which may be ahead: what comes is worth no more than what is. */
function decayed(receipt: Receipt, nowMs: number): number {
  const ageMs = Math.max(0, nowMs - receipt.endedAtMs)
  return tokensOf(receipt) * 2 ** (-ageMs / CREDIT_HALF_LIFE_MS)
}

function ordinaryMass(
  edges: ReadonlyMap<string, ReadonlyMap<string, number>>,
  masses: ReadonlyMap<string, number>,
  preTrusted: readonly string[],
): number {
  const direct = new Set(preTrusted.flatMap((seed) => [...(edges.get(seed)?.keys() ?? [])]))
  for (const seed of preTrusted) direct.delete(seed)
  if (direct.size === 0) return 0
  return [...direct].reduce((sum, peer) => sum + (masses.get(peer) ?? 0), 0) / direct.size
}

const tokensOf = ({ inputTokens, outputTokens }: Receipt): number =>
  Math.min(MAX_TOKENS, inputTokens + outputTokens)
