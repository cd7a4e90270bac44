import { InferenceError, type Progress } from '../../protocol/index.ts'
import { Mailbox, type Scope } from '../../timing/index.ts'
import { InvalidCall } from '../attempt/index.ts'
import { type AnswerEvent, type AnswerPiece, isEnd, type Job, tokensOf } from '../request/index.ts'
import { agreeingAttempt } from './agreeing-attempt.ts'
import type { AttemptMessage, AttemptRun } from './attempt-run.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { overtakenLeader, repeatsItself } from './dispatch-errors.ts'
import { createDispatchParts, type DispatchParts } from './dispatch-parts.ts'
import {
  type DispatchEffect,
  type DispatchInput,
  type DispatchState,
  initialState,
} from './dispatch-state.ts'
import { countsAs, isHang } from './failures.ts'
import { hedgeTimeAfterReport, hedgeTimesAfterChoice } from './hedge-times.ts'
import { transition } from './machine.ts'

type Arrived = Extract<AttemptMessage, { type: 'event' }>

/** Carries out the effects of the state machine and feeds it the events of the attempts. */
export class DispatchRun {
  readonly #context: DispatchContext
  readonly #job: Job
  readonly #scope: Scope
  readonly #parts: DispatchParts
  readonly #mailbox: Mailbox<readonly [AttemptRun, AttemptMessage]>
  #state: DispatchState
  #failure: InferenceError | undefined

  constructor(context: DispatchContext, job: Job, scope: Scope) {
    this.#context = context
    this.#job = job
    this.#scope = scope
    this.#mailbox = new Mailbox(context.clock)
    this.#parts = createDispatchParts(context, job, scope, (attempt, message) =>
      this.#mailbox.put([attempt, message]),
    )
    this.#state = initialState(job.plan, job.limits, job.delivered !== undefined)
  }

  get #around() {
    return {
      nowMs: this.#context.clock.now(),
      router: this.#context.router,
      opener: this.#parts.opener,
    }
  }

  async *events(): AsyncGenerator<AnswerEvent, void, void> {
    try {
      this.#apply({ type: 'start' })
      for (;;) {
        // `yield*` would wrap the array in an asynchronous iterator.
        for (const event of this.#parts.delivery.take()) yield event
        const ended = this.#state.phase === 'ended'
        // The whole answer was delivered: a deadline that passed while the caller read it does not matter.
        if (ended && this.#failure === undefined) return
        this.#scope.signal.throwIfAborted()
        if (this.#failure !== undefined) throw this.#failure
        this.#readLeader()
        const message = this.#mailbox.take()
        if (message !== undefined) {
          this.#handle(...message)
          continue
        }
        const untilMs = 'hedgeAtMs' in this.#state ? this.#state.hedgeAtMs : undefined
        await this.#mailbox.wait(untilMs, this.#scope.signal)
        this.#scope.signal.throwIfAborted()
        if (untilMs !== undefined) this.#tick(untilMs)
      }
    } finally {
      await this.#parts.attempts.close()
      this.#mailbox[Symbol.dispose]()
    }
  }

  /** Has an effect from `untilMs` on. */
  #tick(untilMs: number): void {
    const atMs = this.#context.clock.now()
    if (atMs < untilMs) return
    this.#parts.leader.stalled()
    this.#apply({ type: 'ticked', atMs, stallAtMs: atMs + this.#parts.leader.stallMs() })
  }

  #apply(input: DispatchInput): void {
    const { state, effects } = transition(this.#state, input)
    this.#state = state
    for (const effect of effects) this.#act(effect)
  }

  #act(effect: DispatchEffect): void {
    switch (effect.type) {
      case 'open':
        // Every slow answer of a lone peer comes here.
        if (effect.reason === 'hedge' && !this.#parts.opener.mayHedge()) {
          const recovery = this.#parts.recovery.step()
          this.#apply({ type: 'no-candidate', attempt: effect.attempt, recovery })
        } else this.#parts.attempts.start(effect, this.#parts.delivery.tokens)
        return
      case 'cancel':
        this.#supersede(effect.attempt)
        return
      case 'lead':
        this.#lead(effect.attempt)
        return
      case 'pause':
        this.#parts.leader.pause()
        return
      case 'unpause':
        this.#parts.leader.unpause()
        return
      case 'compare':
        this.#apply({
          type: 'compared',
          winner: agreeingAttempt(this.#job, this.#parts.attempts.complete())?.id,
        })
        return
      case 'restart':
        this.#parts.leader.reset()
        this.#parts.why.candidateFound()
        this.#parts.delivery.restart()
        return
      case 'finish':
        this.#finish(effect.attempt)
        return
      case 'fail':
        this.#failure = this.#parts.why.error(effect.why, this.#parts.delivery, () =>
          this.#parts.recovery.isPossible(),
        )
        return
      default:
        effect satisfies never
    }
  }

  #handle(attempt: AttemptRun, message: AttemptMessage): void {
    // An attempt may have sent messages before it was cancelled.
    if (!this.#parts.attempts.has(attempt)) return
    switch (message.type) {
      case 'chosen': {
        const times = hedgeTimesAfterChoice(message.choice, this.#around)
        attempt.overdueAtMs = times.overdueAtMs
        this.#apply({ type: 'chosen', attempt: attempt.id, ...times })
        return
      }
      case 'event':
        this.#handleEvent(attempt, message)
        return
      case 'failed':
        if (attempt.choice === undefined) this.#foundNoPeer(attempt, message.error)
        else this.#failed(attempt, message.error)
        return
      default:
        message satisfies never
    }
  }

  #handleEvent(attempt: AttemptRun, arrived: Arrived): void {
    const { event } = arrived
    const { note, candidate } = attempt
    if (note === undefined || candidate === undefined) return
    switch (event.type) {
      case 'accepted':
        note.accepted = true
        attempt.digest = event.digest !== '' ? event.digest : (candidate.model.digest ?? '')
        return
      case 'progress':
        note.progress = event.progress
        this.#reported(attempt, event.progress)
        return
      case 'chunk':
        this.#piece(attempt, event, arrived)
        return
      case 'done':
        attempt.done = event
        note.usage = event.usage
        note.asMessage = event.asMessage === true
        this.#apply({ type: 'completed', attempt: attempt.id })
        return
      default:
        event satisfies never
    }
  }

  /** A peer that will begin sooner than another could is not joined by another. */
  #reported(attempt: AttemptRun, progress: Progress): void {
    const peerId = attempt.candidate?.key
    if (peerId !== undefined) this.#job.onPeerProgress?.({ peerId, progress })
    const hedgeAtMs = hedgeTimeAfterReport(attempt, progress, this.#around)
    if (hedgeAtMs !== undefined) this.#apply({ type: 'nearing', attempt: attempt.id, hedgeAtMs })
  }

  #piece(
    attempt: AttemptRun,
    piece: AnswerPiece,
    { gapMs, hasMore }: Pick<Arrived, 'gapMs' | 'hasMore'>,
  ): void {
    const { note, candidate } = attempt
    if (note === undefined || candidate === undefined) return
    const hadBegun = note.ttftMs !== undefined
    const counts = attempt.received(piece, gapMs)
    if (!hadBegun) this.#parts.reports.began(attempt)
    if (this.#isLeader(attempt)) {
      const progress = Math.max(tokensOf(piece), Number(isEnd(piece)))
      this.#parts.leader.received(gapMs, progress, hasMore)
      this.#deliver(attempt, piece)
      // An empty piece is no progress: the wait for the next token continues.
      if (progress === 0) attempt.readNext()
      else this.#parts.leader.readLater()
      return
    }
    attempt.held.push(piece)
    if (!counts || this.#state.phase === 'comparing') {
      attempt.readNext()
      return
    }
    this.#parts.leader.readLater()
    this.#apply({ type: 'began', attempt: attempt.id })
  }

  #isLeader({ id }: AttemptRun): boolean {
    return this.#state.phase === 'streaming' && this.#state.leader === id
  }

  /** From here on the pieces of this attempt go to the caller. */
  #lead(id: number): void {
    const attempt = this.#parts.attempts.get(id)
    if (attempt === undefined) return
    if (attempt.continues) this.#parts.delivery.handOver(attempt)
    attempt.lease?.succeeded()
    this.#parts.leader.lead(attempt)
    this.#parts.why.candidateFound()
    for (const piece of attempt.held.splice(0)) this.#deliver(attempt, piece)
  }

  #deliver(attempt: AttemptRun, piece: AnswerPiece): void {
    const repeats = this.#parts.delivery.piece(attempt, piece)
    // Does not apply to a complete answer that enough peers agreed on.
    if (repeats && this.#isLeader(attempt))
      this.#failed(attempt, repeatsItself(this.#job.limits.maxRepeatedChunks))
  }

  /** Runs once the caller has taken everything: the leader's waiting time counts only from here. */
  #readLeader(): void {
    if (this.#state.phase !== 'streaming' || !this.#parts.leader.takeDueRead()) return
    const stallAtMs = this.#context.clock.now() + this.#parts.leader.stallMs()
    this.#apply({ type: 'progressed', stallAtMs })
    if (this.#parts.leader.takeTooSlow()) this.#apply({ type: 'too-slow' })
    const { attempt, isPaused } = this.#parts.leader
    if (!isPaused && attempt !== undefined && this.#parts.attempts.has(attempt)) attempt.readNext()
  }

  #supersede(id: number): void {
    const attempt = this.#parts.attempts.get(id)
    if (attempt === undefined) return
    const { candidate } = attempt
    if (attempt !== this.#parts.leader.attempt || candidate === undefined) {
      this.#parts.reports.outpaced(attempt)
      // In a quorum the answer may be complete, but another that agrees with it was delivered.
      this.#parts.attempts.dismiss(attempt, attempt.done === undefined ? 'superseded' : 'answered')
      return
    }
    const error = overtakenLeader(this.#parts.leader.isPaused)
    // Without this it could be asked again when the next peer stalls, as routing tolerates a single stall.
    this.#parts.reports.failed(candidate, error)
    this.#parts.attempts.dismiss(attempt, error.code, error.message)
  }

  #foundNoPeer(attempt: AttemptRun, cause: unknown): void {
    this.#parts.attempts.remove(attempt)
    if (!attempt.concurrent) this.#parts.why.noCandidate(cause)
    const recovery = attempt.concurrent
      ? this.#parts.recovery.step()
      : this.#parts.recovery.stepWithoutResume()
    this.#apply({ type: 'no-candidate', attempt: attempt.id, recovery })
  }

  #failed(attempt: AttemptRun, cause: unknown): void {
    const { candidate } = attempt
    if (candidate === undefined || !this.#parts.attempts.has(attempt)) return
    const error = InferenceError.from(cause)
    const found = { isHang: attempt.note !== undefined && isHang(error, attempt.note) }
    this.#parts.reports.failed(candidate, error, found)
    this.#parts.attempts.dismiss(attempt, error.code, error.message)
    if (error instanceof InvalidCall && attempt === this.#parts.leader.attempt)
      this.#parts.delivery.dropCalls()
    this.#apply({
      type: 'failed',
      attempt: attempt.id,
      recovery: this.#parts.recovery.step(),
      final: this.#parts.why.isFinal(),
      countsAs: countsAs(error, found),
    })
  }

  /** The answer is complete. Without an attempt the client ends it: its peer was lost after the end was decided. */
  #finish(id: number | undefined): void {
    const attempt = id === undefined ? this.#parts.leader.attempt : this.#parts.attempts.get(id)
    this.#context.budget.succeeded()
    this.#context.reserve.answered()
    if (attempt !== undefined) this.#parts.reports.answered(attempt)
    this.#parts.delivery.end(attempt, this.#parts.opener.promptTokens)
    if (attempt !== undefined) this.#parts.attempts.dismiss(attempt, 'answered')
  }
}
