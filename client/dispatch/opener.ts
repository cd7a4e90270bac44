import {
  type AttemptReason,
  defined,
  InferenceError,
  requirementsOf,
} from '../../protocol/index.ts'
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
import type { AttemptWork } from './attempt-run.ts'
import type { ResumeLease } from './budget/index.ts'
import type { Choice } from './choice.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { tooManyRetries } from './dispatch-errors.ts'
import { drawsOnBudget } from './failures.ts'
import type { ResumeNeed } from './resume-need.ts'
import { Selection } from './selection.ts'

/** A machine that is busy with other work takes this many times as long as measured. */
const CLAIM_MARGIN = 2
/** Longest wait that a peer's own claims, or a long prompt, add. Reports of work extend it. */
const MAX_CLAIMED_MS = 600_000

/**
 * Refusals for lack of capacity after which a request may ask another peer at no expense of the budget, as long as one is
 * known that may have room. More of them show an overload, which retries would keep going.
 */
const FREE_REFUSALS = 2

/** An attempt to be made. */
export interface PlannedAttempt {
  readonly id: number
  readonly reason: AttemptReason
  /** While others run: only with a peer that can be asked at once. */
  readonly concurrent: boolean
  /** For an attempt that continues a begun answer. Throws if that is impossible. */
  readonly resumeNeed?: () => ResumeNeed
}

/** Chooses the peer for each attempt of a request, within the client's budget. */
export class Opener {
  readonly selection: Selection
  /** Estimated from the length of the text. */
  readonly promptTokens: number
  readonly #context: DispatchContext
  readonly #job: Job
  readonly #scope: Scope
  /** Peers that work on the request now, by attempt. */
  readonly #busy = new Map<number, Candidate>()
  #freeRefusals = 0

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
      ...defined({ placement: job.placement, trusted: job.trusted, hasNext: job.hasNext }),
    })
  }

  /**
   * Chooses a peer, which no other attempt chooses until this one is released.
   *
   * @throws InferenceError if there is no peer to ask or no budget left; the signal's reason
   */
  async choose(
    planned: PlannedAttempt,
    signal: AbortSignal,
  ): Promise<{ choice: Choice; lease?: ResumeLease }> {
    const { reason, resumeNeed } = planned
    if (reason === 'hedge') return { choice: await this.#hedge(planned, signal) }
    if (reason === 'retry' && !this.#mayRetry(planned))
      throw tooManyRetries(this.selection.failures)
    if (resumeNeed === undefined) return { choice: await this.#search(planned, signal) }
    const lease = await this.#context.reserve.acquire({ signal })
    try {
      return { choice: await this.#search(planned, signal, resumeNeed()), lease }
    } catch (error) {
      // No peer was asked, so nothing was spent.
      lease.succeeded()
      throw error
    }
  }

  /** Whether there is a peer that a hedge could ask, or that could be met for it. */
  mayHedge(): boolean {
    return this.selection.hasUntried([...this.#busy.values()])
  }

  /** The attempt has ended. */
  release(id: number): void {
    this.#busy.delete(id)
  }

  /**
   * Longest wait for a first piece from this peer without a report of work: a slow engine, or one that has to load its
   * model, gets more time by what was measured. `tokens`: to be read. @default those of the prompt
   */
  ttftTimeoutMs(candidate: Candidate, tokens: number = this.promptTokens): number {
    const { ttftTimeoutMs, ttftPerTokenMs } = this.#job.limits
    const prefillMs = this.#context.router.prefillMs(candidate, tokens)
    const { coldStartMs = 0 } = candidate.advertisement
    const readingMs = Math.max(ttftPerTokenMs * tokens, CLAIM_MARGIN * prefillMs)
    return ttftTimeoutMs + Math.min(MAX_CLAIMED_MS, readingMs + CLAIM_MARGIN * coldStartMs)
  }

  /** The attempt for a chosen peer. `tokens`: tokens of the answer that a resume has to read again. */
  attemptInit(
    { candidate, resume, exact, dialTimeoutMs }: Choice,
    tokens: number,
  ): ReturnType<AttemptWork['prepare']> {
    const { router, onAnswered } = this.#context
    const { limits, wire, trusted } = this.#job
    const { digest } = candidate.model
    const toRead = this.promptTokens + (resume === undefined ? 0 : tokens)
    return {
      peerId: candidate.peerId,
      request: withWholeDigest(wire, digest),
      ...(resume !== undefined && { resume }),
      ...(exact === true && digest && { digest }),
      limits: {
        ...limits,
        ttftTimeoutMs: this.ttftTimeoutMs(candidate, toRead),
        dialTimeoutMs: Math.min(limits.dialTimeoutMs, dialTimeoutMs ?? limits.dialTimeoutMs),
      },
      isAlone: () => !this.selection.hasOther(candidate),
      remainingMs: () => this.#scope.remainingMs(),
      onLoad: (load) => router.observeLoad(candidate.key, load),
      // A request for trusted peers stays private: no receipt shows even that it was made.
      ...(onAnswered !== undefined &&
        trusted === undefined && { onAnswered: (answer) => onAnswered(candidate, answer) }),
    }
  }

  /** Whether a retry is free of charge, or the budget covers it. */
  #mayRetry({ id }: PlannedAttempt): boolean {
    const last = this.selection.failures.at(-1)?.error
    if (last !== undefined && !drawsOnBudget(last)) return true
    const isRefusal = last?.code === 'over_capacity' && this.#freeRefusals < FREE_REFUSALS
    if (isRefusal && this.selection.meeting.mayFindRoom({ busy: this.#busyExcept(id) })) {
      this.#freeRefusals += 1
      return true
    }
    return this.#context.budget.take()
  }

  async #hedge({ id }: PlannedAttempt, signal: AbortSignal): Promise<Choice> {
    const { router, budget } = this.#context
    const pick = (): Choice | undefined =>
      router.saturated(this.selection.candidates())
        ? undefined
        : this.selection.immediate({ busy: this.#busyExcept(id), met: true })
    let choice = pick()
    if (
      choice === undefined &&
      (await this.selection.meeting.meets({ busy: this.#busyExcept(id) }, signal))
    )
      choice = pick()
    signal.throwIfAborted()
    // Charged only if there is a peer to ask: finding out whether one exists must not use up the budget.
    if (choice === undefined || !budget.take()) throw NO_HEDGE
    this.#busy.set(id, choice.candidate)
    return choice
  }

  async #searchForRace(
    { id, reason }: PlannedAttempt,
    signal: AbortSignal,
  ): Promise<Choice | undefined> {
    if (reason !== 'race') return undefined
    return await this.selection.immediateAfterLookup(() => this.#busyExcept(id), signal)
  }

  #busyExcept(id: number): readonly Candidate[] {
    return [...this.#busy].flatMap(([other, candidate]) => (other === id ? [] : [candidate]))
  }

  async #search(
    planned: PlannedAttempt,
    signal: AbortSignal,
    resume?: ResumeNeed,
  ): Promise<Choice> {
    const { id, concurrent } = planned
    const remainingMs = (): number => this.#scope.remainingMs()
    if (!concurrent && this.selection.hasLostPath) await this.#context.online?.({ signal })
    for (;;) {
      signal.throwIfAborted()
      const others = this.#busyExcept(id)
      const query = { busy: others, ...(resume !== undefined && { resume }) }
      // Chosen without waiting, so that the next attempt of the same step already avoids this peer.
      const known =
        (concurrent ? undefined : this.selection.overAnotherPath(query)) ??
        (concurrent ? this.selection.immediate(query) : this.selection.known(query))
      const found =
        known ??
        (concurrent ? undefined : await this.selection.next(query, { signal, remainingMs }))
      // A race starts at once, when a new client may not have found its peers yet.
      const choice = found ?? (await this.#searchForRace(planned, signal))
      if (choice === undefined) throw noOtherPeer()
      // Another attempt chose a peer in the meantime, and this choice did not take it into account.
      const busy = this.#busyExcept(id)
      if (busy.some(({ key }) => others.every((other) => other.key !== key))) continue
      signal.throwIfAborted()
      this.#busy.set(id, choice.candidate)
      return choice
    }
  }
}

/** Created once: every slow answer of a lone peer ends a hedge so, and a stack would add nothing. */
const NO_HEDGE = noOtherPeer()

function noOtherPeer(): InferenceError {
  return new InferenceError('no_peers', 'no other peer can be asked now')
}
