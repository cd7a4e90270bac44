import { createHash } from 'node:crypto'
import { type Backend, hasCapabilities } from '../../backend/index.ts'
import {
  InferenceError,
  isExpired,
  type PositionScore,
  type ScoreRequest,
} from '../../protocol/index.ts'
import type { Candidate, Directory } from '../directory/index.ts'
import { type Reputation, specClassOf } from '../reputation/index.ts'
import { independentPeers } from '../route/index.ts'
import { judge, type Verdict } from '../verify/index.ts'
import { type ScoreAtInit, scoreAt } from './score-at.ts'
import type { Subject, Testimony } from './witness.ts'

/** Scorers of one part: two that agree, and a third where they do not. */
const MAX_SCORERS = 3
/** Likeliest tokens that are asked for: at temperature 0 the first tells all. */
const TOP = { exact: 1, sampled: 20 } as const
/** Audits at a time; more are left out, so that they never take the place of requests. */
const MAX_RUNNING = 4

export interface AuditorInit extends ScoreAtInit {
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
}

/** How one peer's part of an answer was checked, and what came of it. */
export interface AuditReport extends Verdict {
  /** Whose tokens these are. */
  readonly peerId: string
  /** Who rated them: peers, or `self`. */
  readonly by: readonly string[]
  /** Tokens that the scorers had to read. */
  readonly tokens: number
}

/** Has answers rated by engines that did not write them, and keeps what that says of their peers. */
export class Auditor {
  readonly #init: AuditorInit
  #running = 0

  constructor(init: AuditorInit) {
    this.#init = init
  }

  /** Whether this answer is among those that are looked at. The more a peer has proved, the fewer are. */
  samples({ parts }: Subject, requestId: string): boolean {
    const { reputation, seed } = this.#init
    const hash = createHash('sha256').update(seed).update(requestId).digest()
    const draw = hash.readUInt32BE() / 2 ** 32
    return parts.some(
      ({ candidate: { key, model } }) => draw < reputation.auditRate(key, specClassOf(model)),
    )
  }

  /** An audit that nobody waits for. Its failures are nobody's. */
  async inBackground(subject: Subject, signal: AbortSignal): Promise<void> {
    if (this.#running >= MAX_RUNNING) return
    this.#running += 1
    try {
      await this.audit(subject, signal)
    } catch {
      // Nobody could be asked, or nobody answered: no verdict.
    } finally {
      this.#running -= 1
    }
  }

  /** @returns one report for each peer that wrote a part. @throws the signal's reason */
  async audit(subject: Subject, signal: AbortSignal): Promise<readonly AuditReport[]> {
    const reports: AuditReport[] = []
    for (const part of subject.parts) {
      signal.throwIfAborted()
      const report = await this.#examine(subject, part, signal)
      this.#remember(part, report)
      reports.push(report)
    }
    return reports
  }

  async #examine(subject: Subject, part: Testimony, signal: AbortSignal): Promise<AuditReport> {
    const { key } = part.candidate
    const own = await this.#ownScore(subject, part, signal)
    if (own !== undefined) {
      const verdict = judge(own, subject.temperature)
      return { ...verdict, peerId: key, by: ['self'], tokens: subject.tokenIds.length }
    }
    const found: { readonly scorer: Candidate; readonly verdict: Verdict }[] = []
    const asked = new Set([key])
    for (let tries = 0; tries < 2 * MAX_SCORERS && found.length < MAX_SCORERS; tries += 1) {
      const scorer = this.#scorer(subject, part, asked)
      if (scorer === undefined) break
      asked.add(scorer.key)
      try {
        const body = scoreRequest(subject, part, scorer.model.id)
        const scores = await scoreAt(this.#init, scorer, body, { signal })
        found.push({ scorer, verdict: judge(scores, subject.temperature) })
      } catch (error) {
        signal.throwIfAborted()
        if (!InferenceError.is(error)) throw error
        continue
      }
      if (isSettled(found.map(({ verdict }) => verdict))) break
    }
    const verdict = conclude(found.map((one) => one.verdict))
    this.#blameSlanderers(found, verdict)
    return {
      ...verdict,
      peerId: key,
      by: found.map(({ scorer }) => scorer.key),
      tokens: found.length * subject.tokenIds.length,
    }
  }

  /** Nobody else's word is needed where the own engine has the weights. */
  async #ownScore(
    subject: Subject,
    part: Testimony,
    signal: AbortSignal,
  ): Promise<readonly PositionScore[] | undefined> {
    const { scorer } = this.#init
    const { digest } = part.candidate.model
    if (scorer === undefined || digest === undefined) return undefined
    const models = await scorer.models({ signal }).catch(() => [])
    const model = models.find((own) => own.digest === digest && hasCapabilities(own, ['score']))
    if (model === undefined) return undefined
    const body = scoreRequest(subject, part, model.id)
    for await (const event of scorer.infer({ kind: 'score', body }, { signal })) {
      if (event.type === 'chunk' && 'scores' in event.json) return event.json.scores
    }
    return undefined
  }

  /**
   * A peer with the same weights, whatever it calls them, of another operator and network, that is neither accused nor
   * out of favour.
   */
  #scorer(
    { asked, trusted }: Subject,
    { candidate }: Testimony,
    not: ReadonlySet<string>,
  ): Candidate | undefined {
    const { directory, reputation, random, now } = this.#init
    const { digest } = candidate.model
    if (digest === undefined) return undefined
    const all = directory.known().flatMap((advertisement): Candidate[] => {
      const { peerId, models } = advertisement
      const key = peerId.toString()
      const model = models.find(
        (served) => served.digest === digest && hasCapabilities(served, ['score', asked.kind]),
      )
      const mayRate =
        model !== undefined &&
        !isExpired(advertisement, now()) &&
        !not.has(key) &&
        (trusted?.has(key) ?? true) &&
        !reputation.isQuarantined(key, specClassOf(model))
      return mayRate ? [{ peerId, key, advertisement, model }] : []
    })
    const apart = independentPeers(all, [candidate])
    const proven = apart.filter(({ key, model }) => reputation.isProven(key, specClassOf(model)))
    const best = proven.length > 0 ? proven : apart
    return best[Math.floor(random() * best.length)]
  }

  #remember({ candidate: { key, model } }: Testimony, report: AuditReport): void {
    const { outcome, logRatio, hardMisses } = report
    if (outcome === 'inconclusive') return
    this.#init.reputation.audited(key, specClassOf(model), { outcome, logRatio, hardMisses })
  }

  /** Whoever says that an honest answer is not, against two others, is not to be believed. */
  #blameSlanderers(
    found: readonly { readonly scorer: Candidate; readonly verdict: Verdict }[],
    { outcome }: Verdict,
  ): void {
    if (outcome === 'failed' || found.length < MAX_SCORERS) return
    for (const { scorer, verdict } of found) {
      if (verdict.outcome !== 'failed') continue
      const failed = { outcome: 'failed', logRatio: 0, hardMisses: 0 } as const
      this.#init.reputation.audited(scorer.key, specClassOf(scorer.model), failed)
    }
  }
}

function scoreRequest(
  { asked, tokenIds, temperature }: Subject,
  { from, to }: Testimony,
  model: string,
): ScoreRequest {
  return {
    model,
    request: { ...asked, body: { ...asked.body, model } } as ScoreRequest['request'],
    completion: tokenIds.slice(0, to),
    ...(from > 0 && { positions: Array.from({ length: to - from }, (_, at) => from + at) }),
    top_logprobs: temperature > 0 ? TOP.sampled : TOP.exact,
  }
}

/** One that finds nothing is believed; an accusation needs a second one who sees it too. */
function isSettled(verdicts: readonly Verdict[]): boolean {
  const accusing = verdicts.filter(accuses).length
  return accusing >= 2 || verdicts.length - accusing >= 2 || (accusing === 0 && verdicts.length > 0)
}

/** What most of them say; an accusation that nobody repeats raises suspicion, and no more. */
function conclude(verdicts: readonly Verdict[]): Verdict {
  const accusing = verdicts.filter(accuses)
  const others = verdicts.filter((verdict) => !accuses(verdict))
  const [milder] = accusing.toSorted((a, b) => a.hardMisses - b.hardMisses)
  if (milder !== undefined && accusing.length > others.length && accusing.length > 1) return milder
  const [other] = others
  if (other !== undefined) return other
  return milder === undefined ? NO_VERDICT : { ...milder, outcome: 'inconclusive' }
}

function accuses({ outcome, hardMisses }: Verdict): boolean {
  return outcome === 'failed' || hardMisses > 0
}

const NO_VERDICT: Verdict = {
  outcome: 'inconclusive',
  positions: 0,
  misses: 0,
  hardMisses: 0,
  meanMargin: 0,
  logRatio: 0,
}
