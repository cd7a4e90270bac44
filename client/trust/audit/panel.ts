import { InferenceError, type ScoreRequest } from '../../../protocol/index.ts'
import type { Clock } from '../../../timing/index.ts'
import { type Directory, networksOf } from '../../peers/index.ts'
import type { Candidate, Verdict } from '../../request/index.ts'
import { type Reputation, specClassOf } from '../reputation/index.ts'
import { isSettled, MAX_SCORERS } from './panel-verdict.ts'
import { type PartAudit, withinTime } from './part-audit.ts'
import type { PartRating } from './part-rating.ts'
import { rate, type Scored } from './rating.ts'
import { ScorerMemory } from './scorer-memory.ts'
import { nextScorer } from './scorers.ts'

/** Has one peer rate an answer. @throws InferenceError if it does not; the signal's reason */
type ScoreAtPeer = (
  candidate: Candidate,
  body: ScoreRequest,
  options: {
    readonly signal: AbortSignal
    readonly timeoutMs: number
    /** The request is restricted to trusted peers, so the rating must leave no public trace. */
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
  readonly rating: PartRating
}

interface PanelResult {
  readonly votes: readonly Vote[]
  /** Number of peers asked. */
  readonly asked: number
  /** Tokens that they read. */
  readonly tokens: number
  /** No scorer is left to ask, or none is needed. */
  readonly isComplete: boolean
}

/** Has parts of answers rated by peers, each from a different network. */
export class Panel {
  readonly #init: PanelInit
  readonly #memory: ScorerMemory

  constructor(init: PanelInit) {
    this.#init = init
    this.#memory = new ScorerMemory(init.now)
  }

  /** Asks one scorer after another until the votes decide. A scorer that does not answer has no vote. */
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
        // A network that did not answer is not asked again.
        consulted: asked,
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

  /** Marks outvoted scorers, which are asked last from then on: they slander, cover an accomplice, or have a faulty engine. */
  doubtOutvoted(votes: readonly Vote[], { outcome }: Verdict): void {
    if (votes.length < 3) return
    for (const { scorer, rating } of votes) {
      // Only opposite outcomes contradict: one engine's miss may be another's first choice.
      const isOutvoted =
        (outcome === 'passed' && rating.verdict.outcome === 'failed') ||
        (outcome === 'failed' && rating.verdict.outcome === 'passed')
      if (isOutvoted) this.#init.reputation.doubted(scorer.key, specClassOf(scorer.model))
    }
  }

  async #ratingOf(audit: PartAudit, scorer: Candidate): ReturnType<typeof rate> {
    const { subject, part, promptBytes, isTextBeforeGenuine } = audit
    const isPrivate = subject.trusted !== undefined
    const options = { model: scorer.model.id, promptBytes, isTextBeforeGenuine }
    return await rate(subject, part, options, (body) =>
      withinTime(audit, this.#init.clock, ({ signal, timeoutMs }) =>
        this.#init.score(scorer, body, { signal, timeoutMs, isPrivate }),
      ),
    )
  }
}

/** Whether the scorer used its time without a result. A busy scorer, in contrast, refuses immediately. */
function isSilence({ code, traits }: InferenceError): boolean {
  return code === 'deadline_exceeded' || traits.blame === 'peer'
}
