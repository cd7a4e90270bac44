import { createHash } from 'node:crypto'
import { type Backend, hasCapabilities } from '../../backend/index.ts'
import {
  InferenceError,
  isExpired,
  type PositionScore,
  type ScoreRequest,
} from '../../protocol/index.ts'
import type { Candidate, Directory } from '../directory/index.ts'
import { type AuditEvidence, type Reputation, specClassOf } from '../reputation/index.ts'
import { drawOverNetworks, independentPeers, networksOf } from '../route/index.ts'
import { judge, type Verdict } from '../verify/index.ts'
import { FreeChecks, type Oddity, type Seen } from './free-checks.ts'
import { conclude, isSettled, MAX_SCORERS } from './panel.ts'
import type { Subject, Testimony } from './witness.ts'

/** Likeliest tokens that are asked for: at temperature 0 the first tells all. */
const TOP = { exact: 1, sampled: 20 } as const
/** Audits at a time; more are left out, so that they never take the place of requests. */
const MAX_RUNNING = 4

/** Has one peer rate an answer. @throws InferenceError where it does not; the signal's reason */
type ScoreAtPeer = (
  candidate: Candidate,
  body: ScoreRequest,
  options: {
    readonly signal: AbortSignal
    /** Nobody else may learn of it. */
    readonly isPrivate: boolean
  },
) => Promise<readonly PositionScore[]>

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
}

/** How one peer's part of an answer was checked, and what came of it. */
export interface AuditReport extends Verdict {
  /** Whose tokens these are. */
  readonly peerId: string
  /** Who rated them: peers, or `self`. */
  readonly by: readonly string[]
  /** Peers that were asked to; `by` has those of them that did. */
  readonly asked: number
  /** Tokens that the scorers had to read. */
  readonly tokens: number
  /** What it said of itself that cannot be: nobody had to be asked. */
  readonly finding?: string
}

/** Has answers rated by engines that did not write them, and keeps what that says of their peers. */
export class Auditor {
  readonly #init: AuditorInit
  readonly #free = new FreeChecks()
  #running = 0
  #spent = { answers: 0, tokens: 0 }

  constructor(init: AuditorInit) {
    this.#init = init
  }

  /** So far: answers rated, and tokens that engines read for it. */
  get spent(): { readonly answers: number; readonly tokens: number } {
    return this.#spent
  }

  /** What can be checked without asking anybody. What proves a lie counts as a failed audit. */
  look(seen: Seen): readonly Oddity[] {
    const oddities = this.#free.look(seen)
    if (oddities.some(({ weight }) => weight === 'proof')) {
      this.#learn(seen.told.candidate, { outcome: 'failed', logRatio: 0, hardMisses: 0 })
    }
    return oddities
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
      const { answers, tokens } = this.#spent
      this.#spent = { answers: answers + 1, tokens: tokens + report.tokens }
      reports.push(report)
    }
    return reports
  }

  async #examine(subject: Subject, part: Testimony, signal: AbortSignal): Promise<AuditReport> {
    const { key } = part.candidate
    const own = await this.#ownScore(subject, part, signal)
    if (own !== undefined) {
      const verdict = judge(own, subject.temperature)
      return { ...verdict, peerId: key, by: ['self'], asked: 0, tokens: subject.tokenIds.length }
    }
    const { found, asked } = await this.#hear(subject, part, signal)
    const verdict = conclude(verdictsOf(found))
    this.#doubtOutvoted(found, verdict)
    return {
      ...verdict,
      peerId: key,
      by: found.map(({ scorer }) => scorer.key),
      asked,
      tokens: found.length * subject.tokenIds.length,
    }
  }

  /** Asks one after the other, until what they say settles it. Who does not answer says nothing. */
  async #hear(
    subject: Subject,
    part: Testimony,
    signal: AbortSignal,
  ): Promise<{ readonly found: readonly Rating[]; readonly asked: number }> {
    const { key, model } = part.candidate
    const isProven = this.#init.reputation.isProven(key, specClassOf(model))
    const asked = new Set([key])
    const found: Rating[] = []
    for (let tries = 0; tries < 2 * MAX_SCORERS && found.length < MAX_SCORERS; tries += 1) {
      const heard = found.map(({ scorer }) => scorer)
      const scorer = this.#scorer(subject, part, { asked, heard })
      if (scorer === undefined) break
      asked.add(scorer.key)
      try {
        const body = scoreRequest(subject, part, scorer.model.id)
        const isPrivate = subject.trusted !== undefined
        const scores = await this.#init.score(scorer, body, { signal, isPrivate })
        found.push({ scorer, verdict: judge(scores, subject.temperature) })
      } catch (error) {
        signal.throwIfAborted()
        if (!InferenceError.is(error)) throw error
        continue
      }
      if (isSettled(verdictsOf(found), isProven ? 1 : 2)) break
    }
    // The accused was not.
    return { found, asked: asked.size - 1 }
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
   * A peer with the same weights, whatever it calls them, of another operator and network than the accused and those
   * that were heard. Over networks, so that many identities in one are one voice; whoever was outvoted comes last.
   */
  #scorer(
    { asked: request, trusted }: Subject,
    { candidate }: Testimony,
    { asked: not, heard }: { asked: ReadonlySet<string>; heard: readonly Candidate[] },
  ): Candidate | undefined {
    const { directory, reputation, random, now } = this.#init
    const { digest } = candidate.model
    if (digest === undefined) return undefined
    const all = directory.known().flatMap((advertisement): Candidate[] => {
      const { peerId, models } = advertisement
      const key = peerId.toString()
      const model = models.find(
        (served) => served.digest === digest && hasCapabilities(served, ['score', request.kind]),
      )
      const mayRate =
        model !== undefined &&
        !isExpired(advertisement, now()) &&
        !not.has(key) &&
        (trusted?.has(key) ?? true) &&
        !reputation.isQuarantined(key, specClassOf(model))
      return mayRate ? [{ peerId, key, advertisement, model }] : []
    })
    const apart = independentPeers(all, [candidate, ...heard])
    const doubts = apart.map(({ key, model }) =>
      Math.floor(reputation.doubts(key, specClassOf(model))),
    )
    const least = Math.min(...doubts)
    const believed = apart.filter((_, at) => doubts[at] === least)
    return drawOverNetworks(believed, random)
  }

  #remember({ candidate }: Testimony, report: AuditReport): void {
    const { outcome, logRatio, hardMisses } = report
    if (outcome !== 'inconclusive') this.#learn(candidate, { outcome, logRatio, hardMisses })
  }

  #learn(candidate: Candidate, audit: AuditEvidence): void {
    const { key, model } = candidate
    this.#init.reputation.audited(key, specClassOf(model), audit, networksOf(candidate))
  }

  /** Whoever was outvoted is asked last from then on: it slanders, it covers, or its engine errs. */
  #doubtOutvoted(found: readonly Rating[], { outcome }: Verdict): void {
    if (found.length < 3) return
    for (const { scorer, verdict } of found) {
      // What lies between is no contradiction: one engine's miss is another's first choice.
      const isOutvoted =
        (outcome === 'passed' && verdict.outcome === 'failed') ||
        (outcome === 'failed' && verdict.outcome === 'passed')
      if (isOutvoted) this.#init.reputation.doubted(scorer.key, specClassOf(scorer.model))
    }
  }
}

interface Rating {
  readonly scorer: Candidate
  readonly verdict: Verdict
}

const verdictsOf = (found: readonly Rating[]): readonly Verdict[] =>
  found.map(({ verdict }) => verdict)

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
