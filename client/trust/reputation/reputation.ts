import { LRUCache } from 'lru-cache'
import { auditRate } from '../verify/index.ts'
import { drawFrom, type Evidence, expectationOf, NO_EVIDENCE, withEvidence } from './evidence.ts'
import { OwnerMarks, type PeerMark } from './owner-marks.ts'
import {
  type AuditEvidence,
  afterAudit,
  isProven,
  isQuarantined,
  newcomerAt,
  type PeerStanding,
} from './peer-standing.ts'
import {
  type PeerRow,
  parseStandings,
  type SavedStandings,
  standingsFile,
} from './saved-standings.ts'
import { reportOf, type StandingReport } from './standing-report.ts'
import { StandingTable } from './standing-table.ts'

/** Max networks whose newcomers are remembered. */
const MAX_NETWORKS = 4_096
/** A trusted peer is audited as rarely as one with so many audits passed. */
const PASSED_OF_TRUSTED = 20
/** Max forgotten peers whose earlier lessons are ignored. */
const MAX_FORGOTTEN = 1_024
/** Min share of a network's newcomers that is tried, however many cheated: addresses change owners. */
const MIN_NETWORK_CREDIT = 0.1
/** Number of own audits that weigh as much as the opinion of others. */
const SHARED_EVIDENCE = 20

/** One update of a reputation. It can be replayed on top of what another process has saved. */
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
      | { readonly type: 'marked'; readonly mark: PeerMark | undefined }
    ))
  | { readonly type: 'imported'; readonly saved: SavedStandings }

/** Result of loading saved standings. */
export interface Loaded {
  readonly taken: number
  /** Invalid rows, which were skipped. */
  readonly dropped: number
}

/** What the client has learned about peers from its own audits, and what its owner says of them. Bounded, and saved as JSON. */
export class Reputation {
  readonly #standings = new StandingTable()
  /** How many newcomers of each network became proven, and how many failed. */
  readonly #networks = new LRUCache<string, Evidence>({ max: MAX_NETWORKS })
  /** When peers were forgotten. */
  readonly #forgotten = new LRUCache<string, number>({ max: MAX_FORGOTTEN })
  readonly #marks = new OwnerMarks()
  readonly #now: () => number
  readonly #onLesson: (lesson: Lesson) => void

  /**
   * @param now milliseconds since 1970
   * @param onLesson called with each new lesson, for saving. @default none
   */
  constructor(now: () => number, onLesson: (lesson: Lesson) => void = () => {}) {
    this.#now = now
    this.#onLesson = onLesson
  }

  /** Adds the result of an audit. @param networks the peer's networks. @default unknown */
  audited(
    peer: string,
    spec: string,
    audit: AuditEvidence,
    networks: readonly string[] = [],
  ): void {
    this.#take({ type: 'audited', peer, atMs: this.#now(), spec, audit, networks })
  }

  /** Records that the peer was outvoted as a scorer. This does not affect its own answers. */
  doubted(peer: string, spec: string): void {
    this.#take({ type: 'doubted', peer, atMs: this.#now(), spec })
  }

  /** How often the peer was outvoted recently. */
  doubts(peer: string, spec: string): number {
    return this.#standings.get(peer, spec)?.doubts ?? 0
  }

  /** Credit of newcomers from these networks, based on earlier ones: 1 if at least half were good, down to 0.1. */
  networkCredit(networks: readonly string[]): number {
    const credits = networks.map((network) => {
      const known = this.#networks.peek(network)
      return known === undefined ? 1 : Math.min(1, 2 * expectationOf(known))
    })
    return Math.max(MIN_NETWORK_CREDIT, Math.min(1, ...credits))
  }

  /**
   * Marks a peer, or takes its mark back.
   *
   * @throws InferenceError `invalid_request` if too many are marked
   */
  mark(peer: string, mark: PeerMark | undefined): void {
    this.#take({ type: 'marked', ...this.#marks.next(peer, mark, this.#now()) })
  }

  markOf(peer: string): PeerMark | undefined {
    return this.#marks.of(peer)
  }

  /** All marked peers, the latest last. */
  marks(): readonly { readonly peer: string; readonly mark: PeerMark; readonly atMs: number }[] {
    return this.#marks.list()
  }

  /** Applies to these weights with any template. */
  isQuarantined(peer: string, spec: string): boolean {
    const known = this.#standings.get(peer, spec)
    return known !== undefined && isQuarantined(known, this.#now())
  }

  /** Whether the peer is not asked with these weights: the owner denies it, or it is in quarantine. */
  isExcluded(peer: string, spec: string): boolean {
    return this.markOf(peer) === 'denied' || this.isQuarantined(peer, spec)
  }

  isProven(peer: string, spec: string): boolean {
    const known = this.#standings.get(peer, spec)
    return this.#isVouchedFor(peer, known) || (known !== undefined && isProven(known))
  }

  auditRate(peer: string, spec: string): number {
    const known = this.#standings.get(peer, spec)
    const passed = known?.consecutiveValid ?? 0
    return auditRate(this.#isVouchedFor(peer, known) ? Math.max(passed, PASSED_OF_TRUSTED) : passed)
  }

  /** By the owner, and no audit has failed since. */
  #isVouchedFor(peer: string, known: PeerStanding | undefined): boolean {
    return this.markOf(peer) === 'trusted' && (known?.strikes ?? 0) === 0
  }

  /** Whether the caller recommends the peer to others: proven, and no strikes. */
  vouchesFor(peer: string, spec: string): boolean {
    const known = this.#standings.get(peer, spec)
    return known !== undefined && isProven(known) && known.strikes === 0
  }

  /**
   * The divisor of a peer's cost, 0.1 … 1: a draw from the evidence (Thompson sampling). The opinions of friends and of the
   * owner can only raise it: with n own audits, the own draw weighs n ÷ (n + 20) and theirs the rest; a peer with strikes gets none of it.
   *
   * @param shared standing according to others, 0.5 … 1. @default none
   */
  draw(peer: string, spec: string, random: () => number, shared?: number): number {
    const known = this.#standings.get(peer, spec)
    const opinion = this.markOf(peer) === 'trusted' ? 1 : shared
    if (known === undefined || isBlank(known)) return opinion ?? 0.5
    const own = Math.max(0.1, drawFrom(known.quality, random))
    if (opinion === undefined || known.strikes > 0) return own
    const { good, bad } = known.quality
    const weight = (good + bad) / (good + bad + SHARED_EVIDENCE)
    return Math.max(own, weight * own + (1 - weight) * opinion)
  }

  /** All standings of a peer, or of all peers. */
  report(peer?: string): readonly StandingReport[] {
    const nowMs = this.#now()
    return this.#standings
      .rows()
      .filter((row) => peer === undefined || row.peer === peer)
      .map((row) => reportOf(row, row.standing, nowMs))
  }

  /** @returns the number of standings deleted */
  forget(peer: string): number {
    const known = this.report(peer).length
    this.#take({ type: 'forgotten', peer, atMs: this.#now() })
    return known
  }

  toJSON(): object {
    return standingsFile({
      peers: this.#standings.rows().toReversed(),
      networks: entriesOf(this.#networks, (network, evidence) => ({ network, evidence })),
      forgotten: entriesOf(this.#forgotten, (peer, atMs) => ({ peer, atMs })),
      marks: this.marks(),
      unmarked: this.#marks.unmarked(),
    })
  }

  /** Merges saved standings; newer ones win. Marks of others are ignored. @returns undefined if `saved` is not a list of standings */
  load(saved: unknown): Loaded | undefined {
    const parsed = parseStandings(saved, this.#now())
    if (parsed === undefined) return undefined
    const taken = parsed.peers.filter((row) => this.#isNews(row)).length
    this.#take({ type: 'imported', saved: parsed })
    return { taken, dropped: parsed.dropped }
  }

  /**
   * Replaces everything by saved standings and replays later lessons. Lessons from before a peer was forgotten are skipped,
   * except for marks, which are not forgotten; of two marks the later one holds.
   *
   * @returns undefined, without a change, if `saved` is not a list of standings
   */
  rebase(saved: unknown, since: readonly Lesson[] = []): Loaded | undefined {
    const parsed = parseStandings(saved, this.#now())
    if (parsed === undefined) return undefined
    this.#standings.clear()
    this.#networks.clear()
    this.#forgotten.clear()
    this.#marks.replaceBy(parsed)
    for (const { peer, atMs } of parsed.forgotten) this.#forgotten.set(peer, atMs)
    for (const row of parsed.peers) if (this.#isNews(row)) this.#standings.adopt(row)
    for (const { network, evidence } of parsed.networks) this.#networks.set(network, evidence)
    const forgotten = new Map(this.#forgotten.entries())
    for (const lesson of since) {
      const isForgettable = lesson.type !== 'imported' && lesson.type !== 'marked'
      const isPast = isForgettable && lesson.atMs < (forgotten.get(lesson.peer) ?? 0)
      if (!isPast) this.#apply(lesson)
    }
    return { taken: parsed.peers.length, dropped: parsed.dropped }
  }

  #isNews({ peer, spec, standing, isFromFuture }: PeerRow): boolean {
    const own = this.#standings.exact(peer, spec)
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
        const before = this.#standings.get(peer, spec) ?? newcomerAt(atMs)
        const standing = { ...before, doubts: before.doubts + 1, lastMs: atMs }
        this.#standings.set({ peer, spec, standing })
        break
      }
      case 'forgotten':
        this.#standings.forget(lesson.peer)
        this.#forgotten.set(lesson.peer, lesson.atMs)
        break
      case 'marked':
        this.#marks.set(lesson)
        break
      case 'imported':
        for (const row of lesson.saved.peers) if (this.#isNews(row)) this.#standings.adopt(row)
        for (const { network, evidence } of lesson.saved.networks) {
          if (!this.#networks.has(network)) this.#networks.set(network, evidence)
        }
        break
      default:
        lesson satisfies never
    }
  }

  #learn({ peer, spec, audit, networks, atMs }: Extract<Lesson, { type: 'audited' }>): void {
    const before = this.#standings.get(peer, spec) ?? newcomerAt(atMs)
    const after = afterAudit(before, audit, atMs)
    this.#standings.set({ peer, spec, standing: after })
    const bad = Number(audit.outcome === 'failed' || after.quarantines > before.quarantines)
    const good = Number(isProven(after) && !isProven(before))
    if (bad === 0 && good === 0) return
    for (const network of networks) {
      const known = this.#networks.get(network) ?? NO_EVIDENCE
      this.#networks.set(network, withEvidence(known, { good, bad }))
    }
  }
}

/** Nothing is known about the peer, under any template. */
function isBlank({ audits, strikes, quarantines }: PeerStanding): boolean {
  return audits === 0 && strikes === 0 && quarantines === 0
}

/** Least recently updated first, so that these are evicted first after loading. */
function entriesOf<Value extends {}, Row>(
  cache: LRUCache<string, Value>,
  rowOf: (key: string, value: Value) => Row,
): readonly Row[] {
  return [...cache.entries()].map(([of, value]) => rowOf(of, value)).toReversed()
}
