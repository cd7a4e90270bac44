import { LRUCache } from 'lru-cache'
import { auditRate } from '../verify/index.ts'
import { drawFrom, type Evidence, expectationOf, NO_EVIDENCE, withEvidence } from './evidence.ts'
import {
  type PeerRow,
  parseStandings,
  type SavedStandings,
  standingsFile,
} from './saved-standings.ts'
import { weightsOf } from './spec-class.ts'
import {
  type AuditEvidence,
  afterAudit,
  isProven,
  isQuarantined,
  newcomerAt,
  type PeerStanding,
  withBlameOf,
  worseOf,
} from './standing.ts'
import { reportOf, type StandingReport } from './standing-report.ts'

/** Peers and weights that are kept; those longest not heard of go first. */
const MAX_STANDINGS = 8_192
/** Templates of one peer's weights: their owner makes up as many as it likes. */
const MAX_TEMPLATES = 8
/** Networks whose newcomers are remembered. */
const MAX_NETWORKS = 4_096
/** Peers that were forgotten, and are not to be remembered by what was learned before. */
const MAX_FORGOTTEN = 1_024
/** However many cheats came from a network, this share of its newcomers is tried: addresses change hands. */
const MIN_NETWORK_CREDIT = 0.1
/** Own audits that weigh as much as what others say. */
const SHARED_EVIDENCE = 20

/** Something that was learned of a peer, so that it can be learned again on top of what another process has saved. */
export type Lesson =
  | ({ readonly atMs: number; readonly peer: string } & (
      | {
          readonly type: 'audited'
          readonly spec: string
          readonly audit: AuditEvidence
          readonly networks: readonly string[]
        }
      | { readonly type: 'doubted'; readonly spec: string }
      | { readonly type: 'forgotten' }
    ))
  | { readonly type: 'imported'; readonly saved: SavedStandings }

/** What came of taking over saved standings. */
export interface Loaded {
  readonly taken: number
  /** Rows that are none, and were left out. */
  readonly dropped: number
}

/** What the client knows of peers by its own audits. Bounded, and saved as JSON. */
export class Reputation {
  /** By peer and weights, then by spec class. What is held against one is held against all of these. */
  readonly #standings = new LRUCache<string, ReadonlyMap<string, PeerStanding>>({
    max: MAX_STANDINGS,
  })
  /** What became of newcomers, by their network: proven, or failed. */
  readonly #networks = new LRUCache<string, Evidence>({ max: MAX_NETWORKS })
  /** When peers were forgotten. */
  readonly #forgotten = new LRUCache<string, number>({ max: MAX_FORGOTTEN })
  readonly #now: () => number
  readonly #onLesson: (lesson: Lesson) => void

  /**
   * @param now milliseconds since 1970
   * @param onLesson told of everything that is learned and was not saved. @default nobody
   */
  constructor(now: () => number, onLesson: (lesson: Lesson) => void = () => {}) {
    this.#now = now
    this.#onLesson = onLesson
  }

  /** @param networks that the peer is in. @default none that is known */
  audited(
    peer: string,
    spec: string,
    audit: AuditEvidence,
    networks: readonly string[] = [],
  ): void {
    this.#take({ type: 'audited', peer, atMs: this.#now(), spec, audit, networks })
  }

  /** Its rating of another's answer stood against most others'. That says nothing of its own answers. */
  doubted(peer: string, spec: string): void {
    this.#take({ type: 'doubted', peer, atMs: this.#now(), spec })
  }

  /** How often that was, lately. */
  doubts(peer: string, spec: string): number {
    return this.#known(peer, spec)?.doubts ?? 0
  }

  /** What newcomers from there are worth, after those before them: 1 for no worse than even, down to 0.1. */
  networkCredit(networks: readonly string[]): number {
    const credits = networks.map((network) => {
      const known = this.#networks.peek(network)
      return known === undefined ? 1 : Math.min(1, 2 * expectationOf(known))
    })
    return Math.max(MIN_NETWORK_CREDIT, Math.min(1, ...credits))
  }

  /** Of these weights, whatever template it names now. */
  isQuarantined(peer: string, spec: string): boolean {
    const known = this.#known(peer, spec)
    return known !== undefined && isQuarantined(known, this.#now())
  }

  isProven(peer: string, spec: string): boolean {
    const known = this.#known(peer, spec)
    return known !== undefined && isProven(known)
  }

  auditRate(peer: string, spec: string): number {
    return auditRate(this.#known(peer, spec)?.consecutiveValid ?? 0)
  }

  /** Whether the caller would give its word for it: proven, and no failed audit unforgiven. */
  vouchesFor(peer: string, spec: string): boolean {
    const known = this.#known(peer, spec)
    return known !== undefined && isProven(known) && known.strikes === 0
  }

  /**
   * What the cost of asking is divided by: a draw from what is known (Thompson sampling), lifted by what friends know
   * as long as little is known here, n ÷ (n + 20) of it; never where an audit failed. 0.1 … 1
   *
   * @param shared standing by the word of others, 0.5 … 1. @default nobody's
   */
  draw(peer: string, spec: string, random: () => number, shared?: number): number {
    const known = this.#known(peer, spec)
    if (known === undefined || isBlank(known)) return shared ?? 0.5
    const own = Math.max(0.1, drawFrom(known.quality, random))
    if (shared === undefined || known.strikes > 0) return own
    const { good, bad } = known.quality
    const weight = (good + bad) / (good + bad + SHARED_EVIDENCE)
    return Math.max(own, weight * own + (1 - weight) * shared)
  }

  /** Everything that is known of a peer, or of all. */
  report(peer?: string): readonly StandingReport[] {
    const nowMs = this.#now()
    return this.#rows()
      .filter((row) => peer === undefined || row.peer === peer)
      .map((row) => reportOf(row, row.standing, nowMs))
  }

  /** @returns how many standings are forgotten */
  forget(peer: string): number {
    const known = this.report(peer).length
    this.#take({ type: 'forgotten', peer, atMs: this.#now() })
    return known
  }

  toJSON(): object {
    return standingsFile({
      peers: this.#rows().toReversed(),
      networks: entriesOf(this.#networks, (network, evidence) => ({ network, evidence })),
      forgotten: entriesOf(this.#forgotten, (peer, atMs) => ({ peer, atMs })),
    })
  }

  /** Takes over what was saved, where nothing newer is known. @returns nothing where that is no list of standings */
  load(saved: unknown): Loaded | undefined {
    const parsed = parseStandings(saved, this.#now())
    if (parsed === undefined) return undefined
    const taken = parsed.peers.filter((row) => this.#isNews(row)).length
    this.#take({ type: 'imported', saved: parsed })
    return { taken, dropped: parsed.dropped }
  }

  /**
   * Begins anew from what is saved, and learns again what was learned since. Whatever was learned of a peer before it
   * was forgotten stays forgotten.
   *
   * @returns nothing, and changes nothing, where that is no list of standings
   */
  rebase(saved: unknown, since: readonly Lesson[] = []): Loaded | undefined {
    const parsed = parseStandings(saved, this.#now())
    if (parsed === undefined) return undefined
    this.#standings.clear()
    this.#networks.clear()
    this.#forgotten.clear()
    for (const { peer, atMs } of parsed.forgotten) this.#forgotten.set(peer, atMs)
    for (const row of parsed.peers) if (this.#isNews(row)) this.#adopt(row)
    for (const { network, evidence } of parsed.networks) this.#networks.set(network, evidence)
    const forgotten = new Map(this.#forgotten.entries())
    for (const lesson of since) {
      const isPast = lesson.type !== 'imported' && lesson.atMs < (forgotten.get(lesson.peer) ?? 0)
      if (!isPast) this.#apply(lesson)
    }
    return { taken: parsed.peers.length, dropped: parsed.dropped }
  }

  #isNews({ peer, spec, standing, isFromFuture }: PeerRow): boolean {
    const own = this.#standings.peek(key(peer, spec))?.get(spec)
    const knownMs = Math.max(own?.lastMs ?? 0, this.#forgotten.peek(peer) ?? 0)
    return knownMs === 0 || (!isFromFuture && standing.lastMs > knownMs)
  }

  #take(lesson: Lesson): void {
    this.#apply(lesson)
    this.#onLesson(lesson)
  }

  #apply(lesson: Lesson): void {
    switch (lesson.type) {
      case 'audited':
        this.#learn(lesson)
        break
      case 'doubted': {
        const { peer, spec, atMs } = lesson
        const before = this.#known(peer, spec) ?? newcomerAt(atMs)
        const standing = { ...before, doubts: before.doubts + 1, lastMs: atMs }
        this.#set({ peer, spec, standing })
        break
      }
      case 'forgotten':
        for (const id of this.#standings.keys()) {
          if (id.startsWith(`${lesson.peer} `)) this.#standings.delete(id)
        }
        this.#forgotten.set(lesson.peer, lesson.atMs)
        break
      case 'imported':
        for (const row of lesson.saved.peers) if (this.#isNews(row)) this.#adopt(row)
        for (const { network, evidence } of lesson.saved.networks) {
          if (!this.#networks.has(network)) this.#networks.set(network, evidence)
        }
        break
      default:
        lesson satisfies never
    }
  }

  #learn({ peer, spec, audit, networks, atMs }: Extract<Lesson, { type: 'audited' }>): void {
    const before = this.#known(peer, spec) ?? newcomerAt(atMs)
    const after = afterAudit(before, audit, atMs)
    this.#set({ peer, spec, standing: after })
    const bad = Number(audit.outcome === 'failed' || after.quarantines > before.quarantines)
    const good = Number(isProven(after) && !isProven(before))
    if (bad === 0 && good === 0) return
    for (const network of networks) {
      const known = this.#networks.get(network) ?? NO_EVIDENCE
      this.#networks.set(network, withEvidence(known, { good, bad }))
    }
  }

  /** With a template that is new it is a newcomer, against whom the same is held as before. */
  #known(peer: string, spec: string): PeerStanding | undefined {
    const templates = this.#standings.peek(key(peer, spec))
    const own = templates?.get(spec)
    const [other] = templates?.values() ?? []
    if (own !== undefined || other === undefined) return own
    const quality = { good: 0, bad: other.quality.bad }
    return { ...withBlameOf(newcomerAt(other.lastMs), other), quality }
  }

  /** As it was saved, with the worst that is known of its weights: older versions kept blame by template. */
  #adopt({ peer, spec, standing }: Pick<PeerRow, 'peer' | 'spec' | 'standing'>): void {
    const others = [...(this.#standings.peek(key(peer, spec)) ?? [])]
    const worst = others.reduce(
      (so, [other, known]) => (other === spec ? so : withBlameOf(so, worseOf(so, known))),
      standing,
    )
    this.#set({ peer, spec, standing: worst })
  }

  #set({ peer, spec, standing }: Pick<PeerRow, 'peer' | 'spec' | 'standing'>): void {
    const id = key(peer, spec)
    const others = [...(this.#standings.peek(id) ?? [])]
      .filter(([other]) => other !== spec)
      .map(([other, known]) => [other, withBlameOf(known, standing)] as const)
    const latest = [...others, [spec, standing] as const].slice(-MAX_TEMPLATES)
    this.#standings.set(id, new Map(latest))
  }

  /** Those of whom it heard last come first. */
  #rows(): readonly Pick<PeerRow, 'peer' | 'spec' | 'standing'>[] {
    return [...this.#standings.entries()].flatMap(([id, templates]) => {
      const peer = id.slice(0, id.indexOf(' '))
      return [...templates].map(([spec, standing]) => ({ peer, spec, standing })).toReversed()
    })
  }
}

/** Nothing was learned of it, neither under another template. */
function isBlank({ audits, strikes, quarantines }: PeerStanding): boolean {
  return audits === 0 && strikes === 0 && quarantines === 0
}

/** A peer's id has no blank. */
function key(peer: string, spec: string): string {
  return `${peer} ${weightsOf(spec)}`
}

/** Longest not heard of first, so that they are the first to go when they are read. */
function entriesOf<Value extends {}, Row>(
  cache: LRUCache<string, Value>,
  rowOf: (key: string, value: Value) => Row,
): readonly Row[] {
  return [...cache.entries()].map(([of, value]) => rowOf(of, value)).toReversed()
}
