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
import { inconclusive, panelVerdict } from './panel-verdict.ts'
import type { PartAudit } from './part-audit.ts'
import { isRatable } from './rating.ts'

/** Total time of one audit. */
const AUDIT_TIMEOUT_MS = 120_000

/** `scorer` is the caller's own engine, which is asked first if it has the same weights. */
export interface AuditorInit extends PanelInit, OwnScorerInit {
  /** Secret, so that no peer can predict which answers are audited. */
  readonly seed: Uint8Array
}

export interface AuditOptions {
  readonly signal: AbortSignal
  /** Time after which the audit ends without a verdict; at most 120_000. @default 120_000 */
  readonly withinMs?: number
}

/** Has answers rated by engines that did not write them, and adds the results to the reputation of their peers. */
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

  /** Answers rated so far, and tokens that engines read for it. */
  get spent(): { readonly answers: number; readonly tokens: number } {
    return this.#spent
  }

  /** Runs the checks that need no scorer. A proof of a lie counts as a failed audit. */
  checkForFree(input: FreeCheckInput): readonly Oddity[] {
    const oddities = this.#free.check(input)
    if (oddities.some(({ weight }) => weight === 'proof')) {
      this.#learn(input.candidate, { outcome: 'failed', logRatio: 0, hardMisses: 0 })
    }
    return oddities
  }

  /** Whether this answer is drawn for an audit. The share falls as a peer passes audits. */
  samples(subject: AuditSubject, requestId: string): boolean {
    const hash = createHash('sha256').update(this.#init.seed).update(requestId).digest()
    return hash.readUInt32BE() / 2 ** 32 < this.#auditRate(subject)
  }

  /**
   * Queues a background audit. Audits of newcomers and suspects come first. Failures are ignored.
   *
   * @returns when the audit has ended or was dropped
   */
  async inBackground(subject: AuditSubject, signal: AbortSignal): Promise<void> {
    if (!subject.parts.some(isRatable)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#queue.add({
      priority: () => this.#auditRate(subject),
      // A failed audit has no verdict.
      run: () =>
        this.audit(subject, { signal }).then(
          () => resolve(),
          () => resolve(),
        ),
      onDropped: resolve,
    })
    await promise
  }

  /** @returns one report for each part. @throws the signal's reason */
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
    let isTextBeforeGenuine = true
    for (const part of subject.parts) {
      const { report, isTextGenuine } = await this.#auditPart({
        subject,
        part,
        isTextBeforeGenuine,
        promptBytes,
        caller: signal,
        signal: scope.signal,
        remainingMs: () => Math.max(1, endsAtMs - now()),
      })
      signal.throwIfAborted()
      isTextBeforeGenuine &&= isTextGenuine
      this.#remember(part, report)
      const { answers, tokens } = this.#spent
      const rated = Number(report.by.length > 0)
      this.#spent = { answers: answers + rated, tokens: tokens + report.tokens }
      reports.push(report)
    }
    return reports
  }

  async #auditPart(audit: PartAudit): Promise<{
    readonly report: AuditReport
    /** The displayed text up to the end of the part is the text of the tokens. */
    readonly isTextGenuine: boolean
  }> {
    const { key } = audit.part.candidate
    // Too few tokens to prove anything.
    if (!isRatable(audit.part)) {
      const { from, to } = audit.part
      const report = { ...inconclusive(), positions: to - from, peerId: key }
      return { report: { ...report, by: [], asked: 0, tokens: 0 }, isTextGenuine: false }
    }
    const own = await ownRating(this.#init, audit)
    if (own.rating !== undefined) {
      const { verdict, isTextGenuine } = own.rating
      const report = { ...verdict, peerId: key, by: ['self'], asked: 0, tokens: own.tokens }
      return { report, isTextGenuine }
    }
    const { votes, asked, tokens, isComplete } = await this.#panel.ask(audit)
    const verdicts = votes.map(({ rating }) => rating.verdict)
    const verdict = panelVerdict(verdicts, isComplete)
    this.#panel.doubtOutvoted(votes, verdict)
    const by = votes.map(({ scorer }) => scorer.key)
    // One dissenting scorer is enough not to blame later parts for the text.
    const isTextGenuine = votes.length > 0 && votes.every(({ rating }) => rating.isTextGenuine)
    const report = { ...verdict, peerId: key, by, asked, tokens: own.tokens + tokens }
    return { report, isTextGenuine }
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
