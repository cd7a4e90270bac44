import { createHash } from 'node:crypto'
import { openScope } from '../../../timing/index.ts'
import { networksOf } from '../../peers/index.ts'
import type { AuditReport, Candidate } from '../../request/index.ts'
import { type AuditEvidence, specClassOf } from '../reputation/index.ts'
import { AuditQueue } from './audit-queue.ts'
import type { AnswerPart, AuditSubject } from './audit-subject.ts'
import { type FreeCheckInput, FreeChecks, type Oddity } from './free-checks.ts'
import { type OwnScorerInit, ownRating } from './own-scorer.ts'
import { Panel, type PanelInit } from './panel.ts'
import { conclude, inconclusive } from './panel-verdict.ts'
import type { PartAudit } from './part-audit.ts'
import { isRatable } from './rating.ts'

/** All of one audit. Who is not asked by then is not asked. */
const AUDIT_TIMEOUT_MS = 120_000

/** `scorer`: the caller's own engine. It is asked first, where it has the same weights. */
export interface AuditorInit extends PanelInit, OwnScorerInit {
  /** Secret, so that no peer can predict which answers are audited. */
  readonly seed: Uint8Array
}

export interface AuditOptions {
  readonly signal: AbortSignal
  /** Whoever waits for it has so long; then it ends without a verdict. At most 120_000. @default 120_000 */
  readonly withinMs?: number
}

/** Has answers rated by engines that did not write them, and keeps what that says of their peers. */
export class Auditor {
  readonly #init: AuditorInit
  readonly #free = new FreeChecks()
  readonly #queue = new AuditQueue()
  readonly #panel: Panel
  #spent = { answers: 0, tokens: 0 }

  constructor(init: AuditorInit) {
    this.#init = init
    this.#panel = new Panel(init)
  }

  /** So far: answers rated, and tokens that engines read for it. */
  get spent(): { readonly answers: number; readonly tokens: number } {
    return this.#spent
  }

  /** What can be checked without asking anybody. What proves a lie counts as a failed audit. */
  look(input: FreeCheckInput): readonly Oddity[] {
    const oddities = this.#free.look(input)
    if (oddities.some(({ weight }) => weight === 'proof')) {
      this.#learn(input.candidate, { outcome: 'failed', logRatio: 0, hardMisses: 0 })
    }
    return oddities
  }

  /** Whether this answer is among those that are looked at. The more a peer has proved, the fewer are. */
  samples(subject: AuditSubject, requestId: string): boolean {
    const hash = createHash('sha256').update(this.#init.seed).update(requestId).digest()
    return hash.readUInt32BE() / 2 ** 32 < this.#auditRate(subject)
  }

  /**
   * An audit that nobody waits for; of many those of newcomers and suspects come first. Its failures are nobody's.
   *
   * @returns once it is over, or was left out
   */
  async inBackground(subject: AuditSubject, signal: AbortSignal): Promise<void> {
    if (!subject.parts.some(isRatable)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#queue.add({
      priority: () => this.#auditRate(subject),
      // Nobody could be asked, or nobody answered: no verdict.
      run: () =>
        this.audit(subject, { signal }).then(
          () => resolve(),
          () => resolve(),
        ),
      onLeftOut: resolve,
    })
    await promise
  }

  /** @returns one report for each peer that wrote a part. @throws the signal's reason */
  async audit(
    subject: AuditSubject,
    { signal, withinMs = AUDIT_TIMEOUT_MS }: AuditOptions,
  ): Promise<readonly AuditReport[]> {
    signal.throwIfAborted()
    const { clock, now } = this.#init
    const timeoutMs = Math.min(AUDIT_TIMEOUT_MS, withinMs)
    using scope = openScope({ timeoutMs, clock }, { signal })
    const endsAtMs = now() + timeoutMs
    const promptBytes = Buffer.byteLength(JSON.stringify(subject.asked.body))
    const reports: AuditReport[] = []
    let areBound = true
    for (const part of subject.parts) {
      const { report, isBound } = await this.#examine({
        ...{ subject, part, areBound, promptBytes, caller: signal, signal: scope.signal },
        remainingMs: () => Math.max(1, endsAtMs - now()),
      })
      signal.throwIfAborted()
      areBound &&= isBound
      this.#remember(part, report)
      const { answers, tokens } = this.#spent
      const rated = Number(report.by.length > 0)
      this.#spent = { answers: answers + rated, tokens: tokens + report.tokens }
      reports.push(report)
    }
    return reports
  }

  async #examine(audit: PartAudit): Promise<{
    readonly report: AuditReport
    /** The text shown up to the end of the part is that of its tokens. */
    readonly isBound: boolean
  }> {
    const { key } = audit.part.candidate
    // They prove nothing, so that nobody need read them.
    if (!isRatable(audit.part)) {
      const { from, to } = audit.part
      const report = { ...inconclusive(), positions: to - from, peerId: key }
      return { report: { ...report, by: [], asked: 0, tokens: 0 }, isBound: false }
    }
    const own = await ownRating(this.#init, audit)
    if (own.rating !== undefined) {
      const { verdict, isBound } = own.rating
      const report = { ...verdict, peerId: key, by: ['self'], asked: 0, tokens: own.tokens }
      return { report, isBound }
    }
    const { votes, asked, tokens, isComplete } = await this.#panel.ask(audit)
    const verdicts = votes.map(({ rating }) => rating.verdict)
    const verdict = conclude(verdicts, isComplete)
    this.#panel.doubtOutvoted(votes, verdict)
    const by = votes.map(({ scorer }) => scorer.key)
    // One scorer that says otherwise is enough not to blame the parts after this one.
    const isBound = votes.length > 0 && votes.every(({ rating }) => rating.isBound)
    const report = { ...verdict, peerId: key, by, asked, tokens: own.tokens + tokens }
    return { report, isBound }
  }

  #auditRate({ parts }: AuditSubject): number {
    const { reputation } = this.#init
    const rates = parts.map(({ candidate: { key, model } }) =>
      reputation.auditRate(key, specClassOf(model)),
    )
    return Math.max(0, ...rates)
  }

  #remember({ candidate }: AnswerPart, report: AuditReport): void {
    const { outcome, logRatio, hardMisses } = report
    if (outcome !== 'inconclusive') this.#learn(candidate, { outcome, logRatio, hardMisses })
  }

  #learn(candidate: Candidate, audit: AuditEvidence): void {
    const { key, model } = candidate
    this.#init.reputation.audited(key, specClassOf(model), audit, networksOf(candidate))
  }
}
