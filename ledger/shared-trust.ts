import type { Receipt } from '../protocol/index.ts'
import { CREDIT_HALF_LIFE_MS, creditFlow } from './credit.ts'
import { eigenTrust } from './eigentrust.ts'
import type { ReceiptBook } from './receipt-book.ts'

/** Share of trust that returns to the caller and its friends at each step. */
const RESTART = 0.5
/** What one receipt says of its server at most, in tokens: a single huge answer is no long acquaintance. */
const MAX_TOKENS = 10_000
/** Old receipts expire meanwhile. */
const MAX_AGE_MS = 60_000
/** However many receipts come, what they are worth is computed once in this time: it takes milliseconds. */
const MIN_AGE_MS = 1_000

interface Computed {
  readonly changes: number
  readonly atMs: number
  readonly masses: ReadonlyMap<string, number>
  /** Mean mass of those whom the pre-trusted were served by: what an ordinary good peer has. */
  readonly ordinary: number
  /** Tokens given, by beneficiary. */
  readonly given: ReadonlyMap<string, number>
}

/**
 * What receipts are worth to one who trusts itself and its friends: who served whom, as far as whoever says so is
 * trusted by somebody trusted (personalised EigenTrust). Strangers' receipts for each other are worth nothing.
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

  /** Share of all trust: 0 for whom nobody trusted knows. */
  mass(peer: string): number {
    return this.#current().masses.get(peer) ?? 0
  }

  /**
   * How good a server is by the word of others: from one half, for nothing known, to 1, for what those have who served
   * the caller and its friends. Absent where nobody trusted was served by it. Never less than neutral: blame does not travel.
   */
  standing(peer: string): number | undefined {
    const { masses, ordinary } = this.#current()
    const mass = masses.get(peer) ?? 0
    if (mass === 0 || ordinary === 0 || this.#preTrusted.includes(peer)) return undefined
    return 0.5 + 0.5 * Math.min(1, mass / ordinary)
  }

  /**
   * Tokens of work that are credited to this peer, those of a day ago half: as the pre-trusted say, and others as far
   * as they have credit themselves. All of a clique have at most what others vouched for. Contract: {@link creditFlow}.
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
    // What a server says of itself it may: its owner speaks for it, with no more voice than it has.
    if (beneficiary !== server) add(edges, server, beneficiary, 1)
    // Nobody pays itself.
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
