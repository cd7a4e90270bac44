import { backoffMs, EQUAL_JITTER } from '../../timing/index.ts'
import { DIAL_BACK } from './limits.ts'

/** How an address was seen to fail. */
export type Refutation = 'timeout' | 'refused' | 'other_peer'

/** What is known of an address from outside. Times are milliseconds since 1970. */
export type Verdict =
  | { readonly verdict: 'untested'; readonly why: string }
  | {
      readonly verdict: 'confirmed'
      /** Peer id of who got through. */
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

/** Who says that an address leads nowhere. */
export interface Vote {
  readonly by: string
  /** Peers of one network have one vote together. */
  readonly network: string
  /** The operator named this peer: it is believed alone. */
  readonly trusted: boolean
  readonly why: Refutation
}

interface Entry {
  confirmed: Extract<Verdict, { verdict: 'confirmed' }> | undefined
  readonly votes: Map<string, Vote & { readonly atMs: number }>
  /** Why the latest attempt told nothing. */
  note: string
  dueMs: number
  failures: number
  readonly avoid: Map<string, number>
}

/** Without a peer that the operator named, one network's word is not enough to withdraw an address. */
const VOTES_NEEDED = 2
const NOT_YET = 'no peer has dialled back yet'

/**
 * What peers found out about addresses of ours. Getting through proves itself; not getting through is a peer's word,
 * which counts from a peer that the operator named, or from two networks.
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

  of(address: string, nowMs: number): Verdict {
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

  /** An attempt that told nothing of the address. @param by the peer that is not asked again for a while */
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

  /** Has every address without a good verdict tested at once: there may be somebody new to ask. */
  expedite(nowMs: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.confirmed === undefined && entry.votes.size === 0) entry.dueMs = nowMs
    }
  }

  /** When the next test is due; `Infinity` where nothing waits for one. */
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

  #refutation(entry: Entry, nowMs: number): Extract<Verdict, { verdict: 'refuted' }> | undefined {
    const votes = [...entry.votes.values()].filter(({ atMs }) => nowMs - atMs < DIAL_BACK.voteMs)
    const deciding = votes.find(({ trusted }) => trusted) ?? votes.at(-1)
    if (deciding === undefined || (!deciding.trusted && votes.length < VOTES_NEEDED))
      return undefined
    const { by, atMs, why } = deciding
    return { verdict: 'refuted', by, atMs, why }
  }
}
