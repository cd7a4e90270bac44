import { backoffMs, EQUAL_JITTER } from '../../timing/index.ts'
import { DIAL_BACK } from './limits.ts'

/** How an address was seen to fail. */
export type Refutation = 'timeout' | 'refused' | 'other_peer'

/** Result of testing an address from outside. Times are milliseconds since 1970. */
export type AddressVerdict =
  | { readonly verdict: 'untested'; readonly why: string }
  | {
      readonly verdict: 'confirmed'
      /** Id of the peer that got through. */
      readonly by: string
      readonly atMs: number
      /** The peer dialled when it was asked to, or came by itself. */
      readonly how: 'dial-back' | 'inbound'
    }
  | {
      readonly verdict: 'refuted'
      readonly by: string
      readonly atMs: number
      readonly why: Refutation
    }

/** A peer's report that an address is unreachable. */
export interface Vote {
  readonly by: string
  /** Peers of one network have one vote together. */
  readonly network: string
  /** The operator named this peer: its report suffices alone. */
  readonly trusted: boolean
  readonly why: Refutation
}

interface Entry {
  confirmed: Extract<AddressVerdict, { verdict: 'confirmed' }> | undefined
  readonly votes: Map<string, Vote & { readonly atMs: number }>
  /** Why the latest attempt was inconclusive. */
  note: string
  dueMs: number
  failures: number
  readonly avoid: Map<string, number>
}

/** Reports from fewer networks do not withdraw an address, except from a peer that the operator named. */
const VOTES_NEEDED = 2
const NOT_YET = 'no peer has dialled back yet'

/**
 * Results of dial-back tests of this host's addresses. A success is proof; a failure is only a claim, which counts
 * from a peer that the operator named, or from two networks.
 */
export class Verdicts {
  readonly #entries = new Map<string, Entry>()
  readonly #random: () => number

  /** @param random from 0 to 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  /** Forgets all other addresses. */
  keepOnly(addresses: readonly string[]): void {
    const kept = new Set(addresses)
    for (const address of this.#entries.keys()) {
      if (!kept.has(address)) this.#entries.delete(address)
    }
  }

  of(address: string, nowMs: number): AddressVerdict {
    const entry = this.#entries.get(address)
    if (entry === undefined) return { verdict: 'untested', why: NOT_YET }
    const against = this.#refutation(entry, nowMs)
    if (against !== undefined) return against
    if (entry.confirmed !== undefined) return entry.confirmed
    const [vote] = entry.votes.values()
    if (vote === undefined) return { verdict: 'untested', why: entry.note }
    const why = `${vote.by} did not get through (${vote.why}); a peer of another network has to say so too`
    return { verdict: 'untested', why }
  }

  confirm(address: string, by: string, how: 'dial-back' | 'inbound', nowMs: number): void {
    const entry = this.#entry(address)
    entry.confirmed = { verdict: 'confirmed', by, atMs: nowMs, how }
    entry.votes.clear()
    entry.failures = 0
    entry.dueMs = nowMs + DIAL_BACK.confirmedMs * (0.75 + this.#random() / 2)
  }

  refute(address: string, vote: Vote, nowMs: number): void {
    const entry = this.#entry(address)
    entry.votes.set(vote.network, { ...vote, atMs: nowMs })
    entry.avoid.set(vote.by, nowMs + DIAL_BACK.refuted.minMs / 2)
    if (this.#refutation(entry, nowMs) === undefined) {
      entry.dueMs = nowMs
      return
    }
    entry.confirmed = undefined
    entry.dueMs =
      nowMs +
      backoffMs(entry.failures, { ...DIAL_BACK.refuted, jitter: EQUAL_JITTER }, this.#random())
    entry.failures += 1
  }

  /** Records an inconclusive attempt. @param by the peer, not asked again for a while */
  note(address: string, why: string, nowMs: number, by?: string): void {
    const entry = this.#entry(address)
    entry.note = why
    if (by !== undefined) {
      entry.avoid.set(by, nowMs + DIAL_BACK.avoidMs)
      entry.dueMs = nowMs
      return
    }
    entry.dueMs =
      nowMs +
      backoffMs(entry.failures, { ...DIAL_BACK.untested, jitter: EQUAL_JITTER }, this.#random())
    entry.failures += 1
  }

  isDue(address: string, nowMs: number): boolean {
    return (this.#entries.get(address)?.dueMs ?? 0) <= nowMs
  }

  /** Makes every address without a confirmation due at once: a new tester may be available. */
  expedite(nowMs: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.confirmed === undefined && entry.votes.size === 0) entry.dueMs = nowMs
    }
  }

  /** When the next test is due; `Infinity` if none is. */
  nextDueMs(addresses: readonly string[]): number {
    return Math.min(...addresses.map((address) => this.#entries.get(address)?.dueMs ?? 0))
  }

  /** Whether this peer may be asked about the address now. */
  mayAsk(address: string, peer: string, nowMs: number): boolean {
    return (this.#entries.get(address)?.avoid.get(peer) ?? 0) <= nowMs
  }

  #entry(address: string): Entry {
    const known = this.#entries.get(address)
    if (known !== undefined) return known
    const entry: Entry = {
      confirmed: undefined,
      votes: new Map(),
      note: NOT_YET,
      dueMs: 0,
      failures: 0,
      avoid: new Map(),
    }
    this.#entries.set(address, entry)
    return entry
  }

  #refutation(
    entry: Entry,
    nowMs: number,
  ): Extract<AddressVerdict, { verdict: 'refuted' }> | undefined {
    const votes = [...entry.votes.values()].filter(({ atMs }) => nowMs - atMs < DIAL_BACK.voteMs)
    const deciding = votes.find(({ trusted }) => trusted) ?? votes.at(-1)
    if (deciding === undefined || (!deciding.trusted && votes.length < VOTES_NEEDED))
      return undefined
    const { by, atMs, why } = deciding
    return { verdict: 'refuted', by, atMs, why }
  }
}
