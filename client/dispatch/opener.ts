import { type AttemptReason, InferenceError, requirementsOf } from '../../protocol/index.ts'
import type { Scope } from '../../timing/index.ts'
import { affinityKey } from '../peers/index.ts'
import {
  answerTokensOf,
  type Candidate,
  estimatePromptTokens,
  exactPromptTokens,
  type Job,
  withWholeDigest,
} from '../request/index.ts'
import { tooManyRetries } from './break-off.ts'
import type { ResumeLease } from './budget/index.ts'
import type { DispatchContext } from './dispatch-context.ts'
import type { LaneRun, LaneWork } from './lane-run.ts'
import type { ResumeWish } from './resume-wish.ts'
import { type Choice, Selection } from './selection.ts'
/** An attempt that is to be made. */
export interface Opening {
  readonly lane: LaneRun
  readonly reason: AttemptReason
  /** While others run: only with somebody who can be asked at once. */
  readonly beside: boolean
  /** For one that goes on with a begun answer. Throws where that cannot be. */
  readonly wish?: () => ResumeWish
  /** Those who work on the request now. */
  readonly busy: () => readonly Candidate[]
}

/** Finds whom to ask for each attempt of a request, within what the client may spend. */
export class Opener {
  readonly selection: Selection
  /** A guess by the length of the text. */
  readonly promptTokens: number
  readonly #context: DispatchContext
  readonly #job: Job
  readonly #scope: Scope

  constructor(context: DispatchContext, job: Job, scope: Scope) {
    const { request, reference } = job
    this.#context = context
    this.#job = job
    this.#scope = scope
    this.promptTokens = estimatePromptTokens(request)
    const exact = exactPromptTokens(request)
    this.selection = new Selection(context, {
      query: {
        reference,
        needs: requirementsOf(request),
        ...(exact !== undefined && { promptTokens: exact }),
      },
      promptTokens: this.promptTokens,
      answerTokens: answerTokensOf(request),
      affinity:
        context.affinity && job.placement === undefined
          ? affinityKey(request, reference)
          : undefined,
      ...(job.placement !== undefined && { placement: job.placement }),
      ...(job.trusted !== undefined && { trusted: job.trusted }),
    })
  }

  /** @throws InferenceError when there is nobody to ask, or nothing to spend; the signal's reason */
  async choose(
    opening: Opening,
    signal: AbortSignal,
  ): Promise<{ choice: Choice; lease?: ResumeLease }> {
    const { reason, wish } = opening
    if (reason === 'hedge') return { choice: this.#hedge(opening) }
    if (reason === 'retry' && !this.#mayRetry()) throw tooManyRetries(this.selection.failures)
    if (wish === undefined) return { choice: await this.#search(opening, signal) }
    const lease = await this.#context.reserve.acquire({ signal })
    try {
      return { choice: await this.#search(opening, signal, wish()), lease }
    } catch (error) {
      // Nobody was asked, so nothing was spent.
      lease.succeeded()
      throw error
    }
  }

  /** Time to a first piece without a sign of work, for so many tokens to read. @default the prompt's */
  ttftTimeoutMs(tokens: number = this.promptTokens): number {
    const { ttftTimeoutMs, ttftPerTokenMs } = this.#job.limits
    return ttftTimeoutMs + ttftPerTokenMs * tokens
  }

  /** What to ask a peer. `tokens`: of the answer, that it has to read again. */
  attempt({ candidate, resume, exact }: Choice, tokens: number): ReturnType<LaneWork['attempt']> {
    const { router, onAnswered } = this.#context
    const { limits, wire, trusted } = this.#job
    const { digest } = candidate.model
    const toRead = this.promptTokens + (resume === undefined ? 0 : tokens)
    return {
      peerId: candidate.peerId,
      request: withWholeDigest(wire, digest),
      ...(resume !== undefined && { resume }),
      ...(exact === true && digest && { digest }),
      limits: { ...limits, ttftTimeoutMs: this.ttftTimeoutMs(toRead) },
      remainingMs: () => this.#scope.remainingMs(),
      onLoad: (load) => router.observeLoad(candidate.key, load),
      // Of a request that only some may see nobody else learns, not even that it was asked.
      ...(onAnswered !== undefined &&
        trusted === undefined && { onAnswered: (answer) => onAnswered(candidate, answer) }),
    }
  }

  /**
   * Whether the budget covers a retry. A failed dial cost no peer any work, and a second opinion on a rejected request
   * is the request's own cost: neither is charged to all requests of the client.
   */
  #mayRetry(): boolean {
    const last = this.selection.failures.at(-1)?.error
    if (last?.code === 'dial_failed' || last?.traits.blame === 'caller') return true
    return this.#context.budget.take()
  }

  #hedge({ lane, busy }: Opening): Choice {
    const { router, budget } = this.#context
    const full = router.saturated(this.selection.candidates())
    const choice = full ? undefined : this.selection.beside({ busy: busy(), met: true })
    // Paid for only where there is somebody to ask. The budget is not for finding out whether a peer exists.
    if (choice === undefined || !budget.take()) throw nobodyElse()
    lane.choice = choice
    return choice
  }

  async #findRacer({ reason, busy }: Opening, signal: AbortSignal): Promise<Choice | undefined> {
    return reason === 'race' ? await this.selection.besideLater(busy, signal) : undefined
  }

  async #search(opening: Opening, signal: AbortSignal, resume?: ResumeWish): Promise<Choice> {
    const { lane, beside, busy } = opening
    const remainingMs = (): number => this.#scope.remainingMs()
    for (;;) {
      signal.throwIfAborted()
      const others = busy()
      const wanted = { busy: others, ...(resume !== undefined && { resume }) }
      // Chosen without waiting, so that the next attempt of the same step already keeps apart from this peer.
      const known = this.selection.beside(beside ? wanted : { ...wanted, met: true })
      const found =
        known ?? (beside ? undefined : await this.selection.next(wanted, { signal, remainingMs }))
      // A race is begun at once, when a new client has yet to find those who take part.
      const choice = found ?? (await this.#findRacer(opening, signal))
      if (choice === undefined) throw nobodyElse()
      // Another attempt chose meanwhile: this choice was not kept apart from it.
      if (busy().some(({ key }) => others.every((other) => other.key !== key))) continue
      lane.choice = choice
      return choice
    }
  }
}

function nobodyElse(): InferenceError {
  return new InferenceError('no_peers', 'nobody else can be asked now')
}
