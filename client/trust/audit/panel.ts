import { InferenceError, type ScoreRequest } from '../../../protocol/index.ts'
import type { Clock } from '../../../timing/index.ts'
import { type Directory, networksOf } from '../../peers/index.ts'
import type { Candidate, Verdict } from '../../request/index.ts'
import { type Reputation, specClassOf } from '../reputation/index.ts'
import type { Judged } from './judge-part.ts'
import { isSettled, MAX_SCORERS } from './panel-verdict.ts'
import { type PartAudit, withinTime } from './part-audit.ts'
import { rate, type Scored } from './rating.ts'
import { ScorerMemory } from './scorer-memory.ts'
import { nextScorer } from './scorers.ts'

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

export interface PanelInit {
  readonly score: ScoreAtPeer
  readonly directory: Pick<Directory, 'known'>
  readonly reputation: Reputation
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0, below 1. */
  readonly random: () => number
  /** For the scorers' deadlines. @default the machine's */
  readonly clock?: Clock | undefined
}

/** One scorer's rating of a part. */
interface Vote {
  readonly scorer: Candidate
  readonly rating: Judged
}

interface PanelResult {
  readonly votes: readonly Vote[]
  /** Peers that were asked to vote. */
  readonly asked: number
  /** Tokens that they read for it. */
  readonly tokens: number
  /** No scorer is left to ask, or none is needed. */
  readonly isComplete: boolean
}

/** Peers that rate parts of answers, each from a network of its own. */
export class Panel {
  readonly #init: PanelInit
  readonly #memory: ScorerMemory

  constructor(init: PanelInit) {
    this.#init = init
    this.#memory = new ScorerMemory(init.now)
  }

  /** Asks one scorer after the other until the votes settle it. A scorer that does not answer has no vote. */
  async ask(audit: PartAudit): Promise<PanelResult> {
    const { subject, part, caller, signal } = audit
    const { candidate: accused } = part
    const isProven = this.#init.reputation.isProven(accused.key, specClassOf(accused.model))
    const asked: Candidate[] = []
    const votes: Vote[] = []
    let tokens = 0
    while (asked.length < 2 * MAX_SCORERS && votes.length < MAX_SCORERS) {
      const scorer = nextScorer({ ...this.#init, memory: this.#memory }, subject, {
        accused,
        asked: new Set(asked.map(({ key }) => key)),
        // A network that was asked and did not vote has had its chance.
        heard: asked,
      })
      if (scorer === undefined) break
      asked.push(scorer)
      const { result, tokens: read } = await this.#ratingOf(audit, scorer)
      caller.throwIfAborted()
      tokens += read
      if ('verdict' in result) {
        this.#memory.answered(scorer.key)
        votes.push({ scorer, rating: result })
      } else {
        if (!InferenceError.is(result.error)) throw result.error
        if (isSilence(result.error)) this.#memory.fellSilent(scorer.key, networksOf(scorer))
      }
      if (signal.aborted) return { votes, asked: asked.length, tokens, isComplete: false }
      const verdicts = votes.map(({ rating }) => rating.verdict)
      if (isSettled(verdicts, isProven ? 1 : 2)) break
    }
    return { votes, asked: asked.length, tokens, isComplete: true }
  }

  /** A scorer that was outvoted is asked last from then on: it slanders, it covers, or its engine errs. */
  doubtOutvoted(votes: readonly Vote[], { outcome }: Verdict): void {
    if (votes.length < 3) return
    for (const { scorer, rating } of votes) {
      // What lies between is no contradiction: one engine's miss is another's first choice.
      const isOutvoted =
        (outcome === 'passed' && rating.verdict.outcome === 'failed') ||
        (outcome === 'failed' && rating.verdict.outcome === 'passed')
      if (isOutvoted) this.#init.reputation.doubted(scorer.key, specClassOf(scorer.model))
    }
  }

  async #ratingOf(audit: PartAudit, scorer: Candidate): ReturnType<typeof rate> {
    const { subject, part, promptBytes, areBound } = audit
    const isPrivate = subject.trusted !== undefined
    const options = { model: scorer.model.id, promptBytes, areBound }
    return await rate(subject, part, options, (body) =>
      withinTime(audit, this.#init.clock, ({ signal, timeoutMs }) =>
        this.#init.score(scorer, body, { signal, timeoutMs, isPrivate }),
      ),
    )
  }
}

/** It took the time that a rating takes and gave none. A refusal takes none: a busy scorer says so at once. */
function isSilence({ code, traits }: InferenceError): boolean {
  return code === 'deadline_exceeded' || traits.blame === 'peer'
}
