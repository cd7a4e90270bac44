import { LRUCache } from 'lru-cache'
import * as z from 'zod'
import { auditRate } from '../verify/index.ts'
import { drawFrom, type Evidence, expectationOf, NO_EVIDENCE, withEvidence } from './evidence.ts'
import {
  type AuditEvidence,
  afterAudit,
  isProven,
  isQuarantined,
  newcomerAt,
  type PeerStanding,
  reputationOf,
} from './standing.ts'

/** Standings that are kept; those longest not heard of go first. */
const MAX_STANDINGS = 8_192
/** Evidence that is older says little of a peer today. */
const MAX_AGE_MS = 7_776_000_000
/** Networks whose newcomers are remembered. */
const MAX_NETWORKS = 4_096
/** However many cheats came from a network, this share of its newcomers is tried: addresses change hands. */
const MIN_NETWORK_CREDIT = 0.1
/** Own audits that weigh as much as what others say. */
const SHARED_EVIDENCE = 20
const VERSION = 1

const count = z.number().min(0).max(1e9)
const evidence = z.object({ good: count, bad: count })
const standing: z.ZodType<PeerStanding> = z.object({
  quality: evidence,
  consecutiveValid: count,
  logRatio: z.number().min(-100).max(100),
  hardMisses: count,
  strikes: count,
  quarantines: count,
  quarantinedUntilMs: z.number(),
  audits: count,
  doubts: count.default(0),
  lastMs: z.number(),
})
const file = z.object({
  version: z.literal(VERSION),
  peers: z.array(z.object({ peer: z.string().max(128), spec: z.string().max(1_024), standing })),
  networks: z.array(z.object({ network: z.string().max(128), evidence })).default([]),
})

/** One standing, as a person reads it. */
export interface StandingReport {
  readonly peer: string
  /** Weights, quantization and template that it is about. */
  readonly spec: string
  readonly state: 'newcomer' | 'proven' | 'suspect' | 'quarantined'
  /** 0 … 1; one half without evidence. */
  readonly quality: number
  readonly audits: number
  readonly consecutiveValid: number
  readonly strikes: number
  /** The share of its next answers that are audited. */
  readonly auditRate: number
  /** Milliseconds since 1970, where it is quarantined. */
  readonly quarantinedUntilMs?: number
  readonly words: string
}

/** What the client knows of peers by its own audits. Bounded, and saved as JSON. */
export class Reputation {
  readonly #standings = new LRUCache<string, PeerStanding>({ max: MAX_STANDINGS })
  /** What became of newcomers, by their network: proven, or failed. */
  readonly #networks = new LRUCache<string, Evidence>({ max: MAX_NETWORKS })
  readonly #now: () => number
  #changes = 0

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Counts what was learned: whoever saves it sees whether there is anything new. */
  get changes(): number {
    return this.#changes
  }

  /** @param networks that the peer is in. @default none that is known */
  audited(
    peer: string,
    spec: string,
    audit: AuditEvidence,
    networks: readonly string[] = [],
  ): void {
    const nowMs = this.#now()
    const id = key(peer, spec)
    const before = this.#standings.get(id) ?? newcomerAt(nowMs)
    const after = afterAudit(before, audit, nowMs)
    this.#standings.set(id, after)
    this.#changes += 1
    const bad = Number(audit.outcome === 'failed' || after.quarantines > before.quarantines)
    const good = Number(isProven(after) && !isProven(before))
    if (bad === 0 && good === 0) return
    for (const network of networks) {
      const known = this.#networks.get(network) ?? NO_EVIDENCE
      this.#networks.set(network, withEvidence(known, { good, bad }))
    }
  }

  /** Its rating of another's answer stood against most others'. That says nothing of its own answers. */
  doubted(peer: string, spec: string): void {
    const nowMs = this.#now()
    const id = key(peer, spec)
    const before = this.#standings.get(id) ?? newcomerAt(nowMs)
    this.#standings.set(id, { ...before, doubts: before.doubts + 1, lastMs: nowMs })
    this.#changes += 1
  }

  /** How often that was, lately. */
  doubts(peer: string, spec: string): number {
    return this.#standings.peek(key(peer, spec))?.doubts ?? 0
  }

  /** What newcomers from there are worth, after those before them: 1 for no worse than even, down to 0.1. */
  networkCredit(networks: readonly string[]): number {
    const credits = networks.map((network) => {
      const known = this.#networks.peek(network)
      return known === undefined ? 1 : Math.min(1, 2 * expectationOf(known))
    })
    return Math.max(MIN_NETWORK_CREDIT, Math.min(1, ...credits))
  }

  isQuarantined(peer: string, spec: string): boolean {
    const known = this.#standings.peek(key(peer, spec))
    return known !== undefined && isQuarantined(known, this.#now())
  }

  isProven(peer: string, spec: string): boolean {
    const known = this.#standings.peek(key(peer, spec))
    return known !== undefined && isProven(known)
  }

  auditRate(peer: string, spec: string): number {
    return auditRate(this.#standings.peek(key(peer, spec))?.consecutiveValid ?? 0)
  }

  /** Whether the caller would give its word for it: proven, and no failed audit unforgiven. */
  vouchesFor(peer: string, spec: string): boolean {
    const known = this.#standings.peek(key(peer, spec))
    return known !== undefined && isProven(known) && known.strikes === 0
  }

  /**
   * What the cost of asking is divided by: a draw from what is known (Thompson sampling), lifted by what friends know
   * as long as little is known here, n ÷ (n + 20) of it; never where an audit failed. 0.1 … 1
   *
   * @param shared standing by the word of others, 0.5 … 1. @default nobody's
   */
  draw(peer: string, spec: string, random: () => number, shared?: number): number {
    const known = this.#standings.peek(key(peer, spec))
    if (known === undefined || known.audits === 0) return shared ?? 0.5
    const own = Math.max(0.1, drawFrom(known.quality, random))
    if (shared === undefined || known.strikes > 0) return own
    const { good, bad } = known.quality
    const weight = (good + bad) / (good + bad + SHARED_EVIDENCE)
    return Math.max(own, weight * own + (1 - weight) * shared)
  }

  /** Everything that is known of a peer, or of all. */
  report(peer?: string): readonly StandingReport[] {
    const nowMs = this.#now()
    return [...this.#standings.entries()].flatMap(([id, known]) => {
      const [of = '', spec = ''] = id.split(' ')
      return peer === undefined || of === peer ? [reportOf(of, spec, known, nowMs)] : []
    })
  }

  /** @returns how many standings are forgotten */
  forget(peer: string): number {
    const nowMs = this.#now()
    const ids = [...this.#standings.keys()].filter((id) => id.startsWith(`${peer} `))
    // Kept as a newcomer's: what was saved before must not bring the old one back.
    for (const id of ids) this.#standings.set(id, newcomerAt(nowMs))
    this.#changes += ids.length
    return ids.length
  }

  toJSON(): object {
    const peers = [...this.#standings.entries()].map(([id, known]) => {
      const [peer, spec] = id.split(' ')
      return { peer, spec, standing: known }
    })
    const networks = [...this.#networks.entries()].map(([network, known]) => {
      return { network, evidence: known }
    })
    return { version: VERSION, peers: peers.toReversed(), networks: networks.toReversed() }
  }

  /** Takes over what was saved, where nothing newer is known. @returns whether it could be read */
  load(saved: unknown): boolean {
    const parsed = file.safeParse(saved)
    if (!parsed.success) return false
    const oldest = this.#now() - MAX_AGE_MS
    for (const { peer, spec, standing: known } of parsed.data.peers) {
      const own = this.#standings.peek(key(peer, spec))
      if (known.lastMs < oldest || (own !== undefined && own.lastMs >= known.lastMs)) continue
      this.#standings.set(key(peer, spec), known)
      this.#changes += 1
    }
    for (const { network, evidence: known } of parsed.data.networks) {
      if (!this.#networks.has(network)) this.#networks.set(network, known)
    }
    return true
  }
}

/** Neither has a blank. */
function key(peer: string, spec: string): string {
  return `${peer} ${spec}`
}

function reportOf(peer: string, spec: string, known: PeerStanding, nowMs: number): StandingReport {
  const { audits, consecutiveValid, strikes, quarantinedUntilMs } = known
  const isOut = isQuarantined(known, nowMs)
  const state = isOut ? 'quarantined' : stateOf(known)
  return {
    ...{ peer, spec, state, audits, consecutiveValid, strikes },
    quality: reputationOf(known),
    auditRate: auditRate(consecutiveValid),
    ...(isOut && { quarantinedUntilMs }),
    words: wordsOf(known, state),
  }
}

function stateOf(known: PeerStanding): Exclude<StandingReport['state'], 'quarantined'> {
  if (known.strikes > 0) return 'suspect'
  return isProven(known) ? 'proven' : 'newcomer'
}

function wordsOf(known: PeerStanding, state: StandingReport['state']): string {
  const { audits, consecutiveValid, strikes, quarantines, quarantinedUntilMs } = known
  const passed = `${consecutiveValid} audits passed in a row, ${audits} in all`
  switch (state) {
    case 'newcomer':
      return `${passed}: not enough to trust it, so that it gets a newcomer's share`
    case 'proven':
      return passed
    case 'suspect':
      return `${strikes} failed audits not yet forgiven; ${passed}`
    case 'quarantined':
      return `quarantined until ${new Date(quarantinedUntilMs).toISOString()}, for the ${quarantines}. time: its answers were not those of the weights that it names`
    default:
      return state satisfies never
  }
}
