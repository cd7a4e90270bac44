import { type AttemptRecord, InferenceError, type Progress } from '../../protocol/index.ts'
import { Mailbox, type Scope, Superseded } from '../../timing/index.ts'
import { type AttemptEvent, InvalidCall } from '../attempt/index.ts'
import {
  type AnswerEvent,
  type AnswerPiece,
  type AttemptNote,
  isEnd,
  type Job,
  tokensOf,
} from '../request/index.ts'
import { findAgreement } from './agreement/index.ts'
import { type AttemptMessage, AttemptRun } from './attempt-run.ts'
import { comparable } from './comparable.ts'
import { Delivery } from './delivery.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { interrupted, quorumNotReached, repeatsItself } from './dispatch-errors.ts'
import {
  type DispatchEffect,
  type DispatchInput,
  type DispatchState,
  initialState,
  type Recovery,
} from './dispatch-state.ts'
import { claimedPromptTokens, confirmedFailure, isStrangersWord } from './failures.ts'
import { transition } from './machine.ts'
import { Opener } from './opener.ts'
import { Pace } from './pace.ts'
import { type ResumeNeed, resumeMethod } from './resume-need.ts'
import type { Choice, Selection } from './selection.ts'

/** Carries out the effects of the state machine and feeds it the events of the attempts. */
export class DispatchRun {
  readonly #context: DispatchContext
  readonly #job: Job
  readonly #scope: Scope
  readonly #opener: Opener
  readonly #delivery: Delivery
  readonly #attempts = new Map<number, AttemptRun>()
  readonly #running = new Set<Promise<void>>()
  readonly #mailbox: Mailbox<readonly [AttemptRun, AttemptMessage]>
  #state: DispatchState
  #pace: Pace
  #tooSlow: boolean = false
  /** The leader is not read because it is too slow, and another attempt is tried. */
  #paused: boolean = false
  /** The attempt that sent the newest delivered piece. */
  #leader: AttemptRun | undefined
  /** The leader's newest piece is on its way to the caller; after that the next one may be read. */
  #nextReadDue: boolean = false
  /** Why no peer could be asked. */
  #noCandidate: InferenceError | undefined
  /** The failure after which the request is sent to no further peer. */
  #confirmed: InferenceError | undefined
  #failure: InferenceError | undefined

  constructor(context: DispatchContext, job: Job, scope: Scope) {
    this.#context = context
    this.#job = job
    this.#scope = scope
    this.#mailbox = new Mailbox(context.clock)
    this.#opener = new Opener(context, job, scope)
    this.#delivery = new Delivery(job)
    this.#pace = new Pace(job.limits)
    this.#state = initialState(job.plan, job.limits, job.delivered !== undefined)
  }

  get #selection(): Selection {
    return this.#opener.selection
  }

  async *events(): AsyncGenerator<AnswerEvent, void, void> {
    this.#apply({ type: 'start' })
    for (;;) {
      yield* this.#delivery.take()
      const ended = this.#state.phase === 'ended'
      // The whole answer was delivered: a deadline that passed while the caller read it does not matter.
      if (ended && this.#failure === undefined) return
      this.#scope.signal.throwIfAborted()
      if (this.#failure !== undefined) throw this.#failure
      this.#readLeader()
      const message = this.#mailbox.take()
      if (message !== undefined) this.#handle(...message)
      else await this.#wait()
    }
  }

  async close(): Promise<void> {
    const { signal } = this.#scope
    const overtaken = !signal.aborted || signal.reason instanceof Superseded
    const outcome = overtaken ? 'superseded' : InferenceError.from(signal.reason, 'cancelled').code
    for (const attempt of this.#attempts.values())
      this.#dismiss(attempt, attempt.done === undefined ? outcome : 'answered')
    await Promise.all(this.#running)
  }

  async #wait(): Promise<void> {
    const { signal } = this.#scope
    const untilMs = 'hedgeAtMs' in this.#state ? this.#state.hedgeAtMs : undefined
    await this.#mailbox.wait(untilMs, signal)
    signal.throwIfAborted()
    const atMs = this.#context.clock.now()
    if (untilMs === undefined || atMs < untilMs) return
    this.#pace.stalled()
    this.#apply({ type: 'ticked', atMs, stallAtMs: atMs + this.#pace.stallMs() })
  }

  #apply(input: DispatchInput): void {
    const { state, effects } = transition(this.#state, input)
    this.#state = state
    for (const effect of effects) this.#act(effect)
  }

  #act(effect: DispatchEffect): void {
    switch (effect.type) {
      case 'open':
        this.#open(effect)
        return
      case 'cancel':
        this.#supersede(effect.attempt)
        return
      case 'lead':
        this.#lead(effect.attempt)
        return
      case 'pause':
        this.#paused = true
        return
      case 'unpause':
        this.#paused = false
        // Reading starts again, and so does the wait: the leader was not read in the meantime.
        this.#nextReadDue = true
        return
      case 'compare':
        this.#compare()
        return
      case 'restart':
        this.#leader = undefined
        this.#noCandidate = undefined
        this.#delivery.restart()
        return
      case 'finish':
        this.#finish(effect.attempt)
        return
      case 'fail':
        this.#failure = this.#failureOf(effect.why)
        return
      default:
        effect satisfies never
    }
  }

  #open({ attempt: id, reason, concurrent }: Extract<DispatchEffect, { type: 'open' }>): void {
    const tokensBefore = this.#delivery.tokens
    const { clock, attempt: source } = this.#context
    const continues = reason === 'resume' || reason === 'stall' || reason === 'slow'
    const attempt = new AttemptRun({ id, concurrent, continues, tokensBefore, clock, source })
    this.#attempts.set(id, attempt)
    const planned = {
      ...{ id, reason, concurrent },
      ...(continues && { resumeNeed: () => this.#resumeNeed() }),
    }
    const running = attempt.run(
      {
        choose: (signal) => this.#opener.choose(planned, signal),
        enter: ({ candidate }) => this.#context.router.enter(candidate),
        prepare: (choice) => {
          const about = { peerId: choice.candidate.key, reason, ...(continues && seamOf(choice)) }
          const note = this.#job.journal.begin(about)
          attempt.note = note
          return {
            ...this.#opener.attemptInit(choice, tokensBefore),
            onRelayed: (relay, bytes) => {
              note.relay = relay
              note.relayedBytes += bytes
            },
          }
        },
        send: (message) => this.#mailbox.put([attempt, message]),
      },
      { signal: this.#scope.signal },
    )
    this.#running.add(running)
    void running.finally(() => this.#running.delete(running))
  }

  /** @throws InferenceError if the answer cannot continue */
  #resumeNeed(): ResumeNeed {
    const how = this.#delivery.continuation()
    const leader = this.#leader
    const elsewhere = leader === undefined && this.#job.delivered !== undefined
    if (how.type !== 'resume' || (leader?.candidate === undefined && !elsewhere)) {
      throw new InferenceError('not_resumable', 'this answer cannot go on elsewhere')
    }
    const idsRefused = this.#selection.failures.some(({ error }) => error.code === 'not_resumable')
    const { candidate, digest = '' } = leader ?? {}
    return { how, peer: candidate?.key ?? '', digest, idsRefused }
  }

  /** Whether any peer's engine can continue the answer. */
  #isSuited(): boolean {
    try {
      const need = this.#resumeNeed()
      return this.#selection.candidates().some((peer) => resumeMethod(peer, need) !== undefined)
    } catch {
      return false
    }
  }

  #handle(attempt: AttemptRun, message: AttemptMessage): void {
    // An attempt may have sent messages before it was cancelled.
    if (this.#attempts.get(attempt.id) !== attempt) return
    switch (message.type) {
      case 'chosen': {
        const { router } = this.#context
        const { candidate } = message.choice
        const others = this.#selection.candidates()
        const afterMs = router.hedgeAfterMs(candidate, this.#selection.routing(), others)
        const nowMs = this.#context.clock.now()
        const hedgeAtMs = nowMs + afterMs
        const overdueAtMs = nowMs + Math.max(afterMs, this.#opener.ttftTimeoutMs(candidate))
        attempt.overdueAtMs = overdueAtMs
        this.#apply({ type: 'chosen', attempt: attempt.id, hedgeAtMs, overdueAtMs })
        return
      }
      case 'event':
        this.#handleEvent(attempt, message.event, message.gapMs)
        return
      case 'failed':
        if (attempt.choice === undefined) this.#foundNoPeer(attempt, message.error)
        else this.#failed(attempt, message.error)
        return
      default:
        message satisfies never
    }
  }

  #handleEvent(attempt: AttemptRun, event: AttemptEvent, gapMs: number): void {
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
        this.#piece(attempt, event, gapMs)
        return
      case 'done':
        attempt.done = event
        note.usage = event.usage
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
    const nowMs = this.#context.clock.now()
    const restMs = attempt.prefill.restMs(progress, nowMs)
    if (restMs === undefined) return
    const { router } = this.#context
    const others = this.#selection.candidates().filter(({ key }) => key !== attempt.candidate?.key)
    const request = this.#selection.routing()
    const soonestMs = Math.min(...others.map((other) => router.expectedTtftMs(other, request)))
    if (restMs > soonestMs) return
    const hedgeAtMs = Math.min(attempt.overdueAtMs, attempt.prefill.waitUntilMs(restMs, nowMs))
    this.#apply({ type: 'nearing', attempt: attempt.id, hedgeAtMs })
  }

  #piece(attempt: AttemptRun, piece: AnswerPiece, gapMs: number): void {
    const { note, candidate, choice } = attempt
    if (note === undefined || candidate === undefined) return
    note.tokens += tokensOf(piece)
    if (note.ttftMs !== undefined) attempt.decodeMs += gapMs
    const resumes = choice?.resume !== undefined
    const counts = piece.visible || (resumes && (piece.tokenIds.length > 0 || isEnd(piece)))
    if (counts && note.ttftMs === undefined) {
      note.ttftMs = note.elapsedMs
      // A resume also reads the answer so far, so its time says nothing about the prompt.
      if (!resumes) this.#context.router.began(candidate, this.#selection.routing(), note.ttftMs)
    }
    if (this.#isLeader(attempt)) {
      const progress = Math.max(tokensOf(piece), Number(isEnd(piece)))
      this.#tooSlow = this.#pace.waited(gapMs, progress)
      this.#deliver(attempt, piece)
      // An empty piece is no progress: the wait for the next token continues.
      if (progress === 0) attempt.readNext()
      else this.#nextReadDue = true
      return
    }
    attempt.held.push(piece)
    if (!counts || this.#state.phase === 'comparing') {
      attempt.readNext()
      return
    }
    this.#nextReadDue = true
    this.#apply({ type: 'began', attempt: attempt.id })
  }

  #isLeader({ id }: AttemptRun): boolean {
    return this.#state.phase === 'streaming' && this.#state.leader === id
  }

  /** From here on the pieces of this attempt go to the caller. */
  #lead(id: number): void {
    const attempt = this.#attempts.get(id)
    if (attempt === undefined) return
    if (attempt.continues) this.#delivery.handOver(attempt)
    attempt.lease?.succeeded()
    this.#leader = attempt
    this.#noCandidate = undefined
    this.#paused = false
    this.#tooSlow = false
    this.#pace = new Pace(this.#job.limits)
    for (const piece of attempt.held.splice(0)) this.#deliver(attempt, piece)
  }

  #deliver(attempt: AttemptRun, piece: AnswerPiece): void {
    const repeats = this.#delivery.piece(attempt, piece)
    // Does not apply to a complete answer that enough peers agreed on.
    if (repeats && this.#isLeader(attempt))
      this.#failed(attempt, repeatsItself(this.#job.limits.maxRepeatedChunks))
  }

  /** Runs once the caller has taken everything: the leader's waiting time counts only from here. */
  #readLeader(): void {
    if (!this.#nextReadDue || this.#state.phase !== 'streaming') return
    this.#nextReadDue = false
    this.#apply({ type: 'progressed', stallAtMs: this.#context.clock.now() + this.#pace.stallMs() })
    if (this.#tooSlow) this.#apply({ type: 'too-slow' })
    this.#tooSlow = false
    const leader = this.#leader
    if (!this.#paused && leader !== undefined) this.#attempts.get(leader.id)?.readNext()
  }

  #supersede(id: number): void {
    const attempt = this.#attempts.get(id)
    if (attempt === undefined) return
    const { candidate, note } = attempt
    if (attempt !== this.#leader || candidate === undefined) {
      if (candidate !== undefined && note !== undefined && note.ttftMs === undefined) {
        this.#context.router.outpaced(candidate, this.#selection.routing(), note.elapsedMs)
      }
      // In a quorum the answer may be complete, but another that agrees with it was delivered.
      this.#dismiss(attempt, attempt.done === undefined ? 'superseded' : 'answered')
      return
    }
    const why = this.#paused ? 'gave too few tokens a second' : 'fell silent in mid-answer'
    const message = `it ${why}; another went on`
    // Without this it could be asked again when the next peer stalls, as routing tolerates a single stall.
    this.#selection.failed(candidate, new InferenceError('stalled', message))
    this.#context.router.failed(candidate, 'stalled')
    this.#dismiss(attempt, 'stalled', message)
  }

  #dismiss(
    attempt: AttemptRun,
    outcome: Parameters<AttemptNote['end']>[0],
    message?: string,
  ): void {
    this.#remove(attempt)
    attempt.note?.end(outcome, message)
    attempt.cancel()
  }

  #remove({ id }: AttemptRun): void {
    this.#attempts.delete(id)
    this.#opener.release(id)
  }

  #foundNoPeer(attempt: AttemptRun, cause: unknown): void {
    this.#remove(attempt)
    if (!attempt.concurrent) this.#noCandidate = InferenceError.from(cause)
    const restart = this.#job.restartable ? 'restart' : 'give-up'
    const recovery = attempt.concurrent ? this.#recovery() : restart
    this.#apply({ type: 'no-candidate', attempt: attempt.id, recovery })
  }

  #failed(attempt: AttemptRun, cause: unknown): void {
    const { candidate } = attempt
    if (candidate === undefined || this.#attempts.get(attempt.id) !== attempt) return
    const error = InferenceError.from(cause)
    this.#selection.failed(candidate, error)
    this.#context.router.failed(candidate, error.code)
    this.#dismiss(attempt, error.code, error.message)
    if (error instanceof InvalidCall && attempt === this.#leader) this.#delivery.dropCalls()
    this.#confirmed = this.#confirmedFailure()
    const final = this.#confirmed !== undefined
    const unreached = error.code === 'dial_failed'
    this.#apply({
      type: 'failed',
      attempt: attempt.id,
      recovery: this.#recovery(),
      final,
      unreached,
    })
  }

  /** The failure that ends the request, if the request is or may be at fault. */
  #confirmedFailure(): InferenceError | undefined {
    const { failures } = this.#selection
    const end = confirmedFailure(failures)
    if (end === undefined) return undefined
    const isDoubtful = isStrangersWord(end, failures)
    if (isDoubtful && this.#selection.hasBetterThan(end.traits.kind)) return undefined
    if (end.code !== 'context_too_long') return end
    return this.#selection.hasRoomFor(claimedPromptTokens(failures) ?? 0) ? undefined : end
  }

  #recovery(): Recovery {
    const { type } = this.#delivery.continuation()
    if (type === 'ended') return 'end'
    if (type === 'resume') return 'resume'
    return this.#job.restartable ? 'restart' : 'give-up'
  }

  /** Compares the complete answers as soon as enough of them may agree. */
  #compare(): void {
    const { plan, request, journal } = this.#job
    if (plan.type !== 'quorum') return
    const whole = [...this.#attempts.values()].filter(({ done }) => done !== undefined)
    const answers = whole.map(({ held }) => comparable(request.kind, held))
    const found = findAgreement(answers, plan.agree, request)
    journal.agreement = {
      answers: answers.length,
      agreeing: found?.agreeing ?? 1,
      tolerated: found?.tolerated ?? false,
    }
    const winner = found === undefined ? undefined : whole[found.winner]?.id
    this.#apply({ type: 'compared', winner })
  }

  /** The answer is complete. Without an attempt the client ends it: its peer was lost after the end was decided. */
  #finish(id: number | undefined): void {
    const attempt = id === undefined ? this.#leader : this.#attempts.get(id)
    this.#context.budget.succeeded()
    this.#context.reserve.answered()
    if (attempt?.done !== undefined) this.#reportAnswer(attempt)
    this.#delivery.end(attempt, this.#opener.promptTokens)
    if (attempt !== undefined) this.#dismiss(attempt, 'answered')
  }

  #reportAnswer({ candidate, note, done, decodeMs }: AttemptRun): void {
    if (candidate === undefined || note === undefined || done === undefined) return
    const { usage, timings } = done
    this.#context.router.answered(candidate, this.#selection.routing(), {
      ttftMs: note.ttftMs ?? note.elapsedMs,
      prefillMs: timings.prefillMs,
      promptTokens: usage.promptTokens,
      cachedPromptTokens: usage.cachedPromptTokens,
      completionTokens: note.tokens,
      decodeMs,
    })
  }

  #failureOf(why: Extract<DispatchEffect, { type: 'fail' }>['why']): InferenceError {
    const { failures } = this.#selection
    switch (why) {
      case 'attempts':
        return this.#confirmed ?? this.#noCandidate ?? this.#selection.exhausted()
      case 'quorum':
        return quorumNotReached(this.#job, failures, this.#noCandidate)
      case 'resumes':
      case 'not-resumable':
        return interrupted(
          this.#delivery.continuation(),
          this.#delivery.tokens,
          failures,
          this.#noCandidate,
          this.#isSuited(),
        )
      default:
        return why satisfies never
    }
  }
}

function seamOf({ resume, exact }: Choice): Pick<AttemptRecord, 'exact' | 'seam'> {
  if (resume === undefined) return { seam: 'start' }
  return { exact: exact === true, seam: exact === true ? 'token-ids' : 'text' }
}
