import { createHash } from 'node:crypto'
import type { Backend } from '../../../backend/index.ts'
import { InferenceError, type ScoreRequest, type ScoreResponse } from '../../../protocol/index.ts'
import { type Clock, openScope, raceSignal } from '../../../timing/index.ts'
import { type Directory, networksOf } from '../../peers/index.ts'
import type { AuditReport, Candidate, Verdict } from '../../request/index.ts'
import { type AuditEvidence, type Reputation, specClassOf } from '../reputation/index.ts'
import { AuditQueue } from './audit-queue.ts'
import type { AnswerPart, AuditSubject } from './audit-subject.ts'
import { type FreeCheckInput, FreeChecks, type Oddity } from './free-checks.ts'
import type { Judged } from './judge-part.ts'
import { conclude, inconclusive, isSettled, MAX_SCORERS } from './panel.ts'
import { estimatedTokens, isRatable, rate, type Scored } from './rating.ts'
import { ScorerMemory } from './scorer-memory.ts'
import { nextScorer, ratesLike } from './scorers.ts'

/** One scorer's time: a place in its queue, and reading at 100 tokens a second, a slow CPU's. */
const SCORE_TIMEOUT_MS = 10_000
const SCORE_MS_PER_TOKEN = 10
const MAX_SCORE_TIMEOUT_MS = 60_000
/** All of one audit. Who is not asked by then is not asked. */
const AUDIT_TIMEOUT_MS = 120_000
/** One scorer's silence takes no more than this of what is left. */
const SHARE_OF_REST = 0.5

/** Has one peer rate an answer. @throws InferenceError where it does not; the signal's reason */
type ScoreAtPeer = (
  candidate: Candidate,
  body: ScoreRequest,
  options: {
    readonly signal: AbortSignal
    /** It has so long. */
    readonly timeoutMs: number
    /** Nobody else may learn of it. */
    readonly isPrivate: boolean
  },
) => Promise<Scored>

export interface AuditorInit {
  readonly score: ScoreAtPeer
  readonly directory: Pick<Directory, 'known'>
  readonly reputation: Reputation
  /** The caller's own engine. It is asked first, where it has the same weights. */
  readonly scorer?: Backend | undefined
  /** Secret: nobody can tell which answers will be audited. */
  readonly seed: Uint8Array
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0, below 1. */
  readonly random: () => number
  /** For its deadlines. @default the machine's */
  readonly clock?: Clock | undefined
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
  readonly #memory: ScorerMemory
  #spent = { answers: 0, tokens: 0 }

  constructor(init: AuditorInit) {
    this.#init = init
    this.#memory = new ScorerMemory(init.now)
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

  async #examine(audit: Audit): Promise<{
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
    const own = await this.#ownRating(audit)
    if (own.rating !== undefined) {
      const { verdict, isBound } = own.rating
      const report = { ...verdict, peerId: key, by: ['self'], asked: 0, tokens: own.tokens }
      return { report, isBound }
    }
    const { heard, asked, tokens, isComplete } = await this.#hear(audit)
    const verdicts = heard.map(({ rating }) => rating.verdict)
    const verdict = conclude(verdicts, isComplete)
    this.#doubtOutvoted(heard, verdict)
    const by = heard.map(({ scorer }) => scorer.key)
    // One that says otherwise is enough to leave those after it alone.
    const isBound = heard.length > 0 && heard.every(({ rating }) => rating.isBound)
    const report = { ...verdict, peerId: key, by, asked, tokens: own.tokens + tokens }
    return { report, isBound }
  }

  /** Asks one after the other, until what they say settles it. Who does not answer says nothing. */
  async #hear(audit: Audit): Promise<{
    readonly heard: readonly Vote[]
    /** Peers that were to be heard. */
    readonly asked: number
    readonly tokens: number
    /** Nobody is left to ask, or nobody need be. */
    readonly isComplete: boolean
  }> {
    const { subject, part, caller, signal } = audit
    const { candidate: accused } = part
    const isProven = this.#init.reputation.isProven(accused.key, specClassOf(accused.model))
    const asked: Candidate[] = []
    const heard: Vote[] = []
    let tokens = 0
    while (asked.length < 2 * MAX_SCORERS && heard.length < MAX_SCORERS) {
      const scorer = nextScorer({ ...this.#init, memory: this.#memory }, subject, {
        accused,
        asked: new Set(asked.map(({ key }) => key)),
        // A network that was asked and said nothing has had its chance.
        heard: asked,
      })
      if (scorer === undefined) break
      asked.push(scorer)
      const { result, tokens: read } = await this.#ratingOf(audit, scorer)
      caller.throwIfAborted()
      tokens += read
      if ('verdict' in result) {
        this.#memory.answered(scorer.key)
        heard.push({ scorer, rating: result })
      } else {
        if (!InferenceError.is(result.error)) throw result.error
        if (isSilence(result.error)) this.#memory.fellSilent(scorer.key, networksOf(scorer))
      }
      if (signal.aborted) return { heard, asked: asked.length, tokens, isComplete: false }
      const verdicts = heard.map(({ rating }) => rating.verdict)
      if (isSettled(verdicts, isProven ? 1 : 2)) break
    }
    return { heard, asked: asked.length, tokens, isComplete: true }
  }

  async #ratingOf(audit: Audit, scorer: Candidate): ReturnType<typeof rate> {
    const { subject, part, promptBytes, areBound } = audit
    const isPrivate = subject.trusted !== undefined
    const options = { model: scorer.model.id, promptBytes, areBound }
    return await rate(subject, part, options, (body) =>
      this.#within(audit, ({ signal, timeoutMs }) =>
        this.#init.score(scorer, body, { signal, timeoutMs, isPrivate }),
      ),
    )
  }

  /** Nobody else's word is needed where the own engine has the weights, and does not fail. */
  async #ownRating(audit: Audit): Promise<{ readonly rating?: Judged; readonly tokens: number }> {
    const { scorer } = this.#init
    const { subject, part, promptBytes, areBound, caller } = audit
    if (scorer === undefined) return { tokens: 0 }
    const models = await this.#within(audit, ({ signal }) => scorer.models({ signal })).catch(
      () => [],
    )
    const { kind } = subject.asked
    const model = models.find((own) => ratesLike(own, part.candidate.model, kind))
    caller.throwIfAborted()
    if (model === undefined) return { tokens: 0 }
    const options = { model: model.id, promptBytes, areBound }
    const { result, tokens } = await rate(subject, part, options, (body) =>
      this.#within(audit, ({ signal }) => scoreAtOwn(scorer, body, signal)),
    )
    caller.throwIfAborted()
    return 'verdict' in result ? { rating: result, tokens } : { tokens }
  }

  /** Gives one scorer its time, and no more. @throws InferenceError `deadline_exceeded` */
  async #within<T>(
    { part, promptBytes, signal, remainingMs }: Audit,
    work: (options: { readonly signal: AbortSignal; readonly timeoutMs: number }) => Promise<T>,
  ): Promise<T> {
    const tokens = estimatedTokens(promptBytes, part)
    const timeoutMs = Math.min(
      SCORE_TIMEOUT_MS + tokens * SCORE_MS_PER_TOKEN,
      MAX_SCORE_TIMEOUT_MS,
      SHARE_OF_REST * remainingMs(),
    )
    using scope = openScope({ timeoutMs, clock: this.#init.clock }, { signal })
    return await raceSignal(work({ signal: scope.signal, timeoutMs }), scope.signal)
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

  /** Whoever was outvoted is asked last from then on: it slanders, it covers, or its engine errs. */
  #doubtOutvoted(heard: readonly Vote[], { outcome }: Verdict): void {
    if (heard.length < 3) return
    for (const { scorer, rating } of heard) {
      // What lies between is no contradiction: one engine's miss is another's first choice.
      const isOutvoted =
        (outcome === 'passed' && rating.verdict.outcome === 'failed') ||
        (outcome === 'failed' && rating.verdict.outcome === 'passed')
      if (isOutvoted) this.#init.reputation.doubted(scorer.key, specClassOf(scorer.model))
    }
  }
}

/** One part of an answer, and the time that there is. */
interface Audit {
  readonly subject: AuditSubject
  readonly part: AnswerPart
  /** The text before this part is that of its tokens. */
  readonly areBound: boolean
  /** Of what was asked. */
  readonly promptBytes: number
  /** The caller's own: its reason is thrown. */
  readonly caller: AbortSignal
  /** Ends with the audit's time, too: then what was heard has to do. */
  readonly signal: AbortSignal
  readonly remainingMs: () => number
}

/** What one scorer said. */
interface Vote {
  readonly scorer: Candidate
  readonly rating: Judged
}

/** It took the time that a rating takes and gave none. A refusal takes none: who is busy says so at once. */
function isSilence({ code, traits }: InferenceError): boolean {
  return code === 'deadline_exceeded' || traits.blame === 'peer'
}

async function scoreAtOwn(
  scorer: Backend,
  body: ScoreRequest,
  signal: AbortSignal,
): Promise<Scored> {
  let response: ScoreResponse | undefined
  let usage: Scored['usage']
  for await (const event of scorer.infer({ kind: 'score', body }, { signal })) {
    if (event.type === 'chunk' && 'scores' in event.json) response = event.json
    if (event.type === 'done') usage = event.usage
  }
  if (response === undefined) throw new InferenceError('truncated', 'the scores never came')
  return { ...response, usage }
}
