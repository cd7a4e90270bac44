import { type AttemptRecord, InferenceError } from '../../protocol/index.ts'
import { Mailbox, type Scope, Superseded } from '../../timing/index.ts'
import { type AttemptEvent, InvalidCall } from '../attempt/index.ts'
import {
  type AnswerEvent,
  type AttemptNote,
  type Candidate,
  isEnd,
  type Job,
  type Piece,
  tokensOf,
} from '../request/index.ts'
import { findAgreement } from './agreement/index.ts'
import { brokenOff, quorumNotReached, repeatsItself } from './break-off.ts'
import { comparable } from './comparable.ts'
import { Delivery } from './delivery.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { claimedPromptTokens, fatal } from './failures.ts'
import { type LaneMessage, LaneRun } from './lane-run.ts'
import {
  type DispatchEffect,
  type DispatchInput,
  type DispatchState,
  initialState,
  type Recovery,
  transition,
} from './machine.ts'
import { Opener } from './opener.ts'
import { Pace } from './pace.ts'
import { type ResumeWish, suitable } from './resume-wish.ts'
import type { Choice, Selection } from './selection.ts'
/** Carries out the effects of the state machine and feeds it the events of the attempts. */
export class DispatchRun {
  readonly #context: DispatchContext
  readonly #job: Job
  readonly #scope: Scope
  readonly #opener: Opener
  readonly #delivery: Delivery
  readonly #lanes = new Map<number, LaneRun>()
  readonly #running = new Set<Promise<void>>()
  readonly #mailbox: Mailbox<readonly [LaneRun, LaneMessage]>
  #state: DispatchState
  #pace: Pace
  #tooSlow: boolean = false
  /** The leader is not read because it is too slow, and another attempt is tried. */
  #parked: boolean = false
  /** The attempt that sent the newest delivered piece. */
  #leader: LaneRun | undefined
  /** The leader's newest piece is on its way to the caller; after that the next one may be read. */
  #owed: boolean = false
  /** Why no peer could be asked. */
  #unchosen: InferenceError | undefined
  /** The failure after which the request is sent to no further peer. */
  #fatal: InferenceError | undefined
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
      this.#readOn()
      const message = this.#mailbox.take()
      if (message !== undefined) this.#hear(...message)
      else await this.#wait()
    }
  }

  async close(): Promise<void> {
    const { signal } = this.#scope
    const overtaken = !signal.aborted || signal.reason instanceof Superseded
    const outcome = overtaken ? 'superseded' : InferenceError.from(signal.reason, 'cancelled').code
    for (const lane of this.#lanes.values())
      this.#dismiss(lane, lane.done === undefined ? outcome : 'answered')
    await Promise.all(this.#running)
  }

  async #wait(): Promise<void> {
    const { signal } = this.#scope
    const untilMs = 'asideAtMs' in this.#state ? this.#state.asideAtMs : undefined
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
        this.#supersede(effect.lane)
        return
      case 'lead':
        this.#lead(effect.lane)
        return
      case 'park':
        this.#parked = true
        return
      case 'unpark':
        this.#parked = false
        // Reading starts again, and so does the wait: the leader was not read in the meantime.
        this.#owed = true
        return
      case 'compare':
        this.#compare()
        return
      case 'restart':
        this.#leader = undefined
        this.#unchosen = undefined
        this.#delivery.restart()
        return
      case 'finish':
        this.#finish(effect.lane)
        return
      case 'fail':
        this.#failure = this.#failureOf(effect.why)
        return
      default:
        effect satisfies never
    }
  }

  #open({ lane: id, reason, beside }: Extract<DispatchEffect, { type: 'open' }>): void {
    const tokensBefore = this.#delivery.tokens
    const { clock, attempt: source } = this.#context
    const continues = reason === 'resume' || reason === 'stall' || reason === 'slow'
    const lane = new LaneRun({ id, beside, continues, tokensBefore, clock, source })
    this.#lanes.set(id, lane)
    const opening = {
      ...{ lane, reason, beside },
      busy: () => this.#busy(lane),
      ...(continues && { wish: () => this.#wish() }),
    }
    const running = lane.run(
      {
        choose: (signal) => this.#opener.choose(opening, signal),
        enter: ({ candidate }) => this.#context.router.enter(candidate),
        attempt: (choice) => {
          const about = { peerId: choice.candidate.key, reason, ...(continues && seamOf(choice)) }
          const note = this.#job.journal.begin(about)
          lane.note = note
          return {
            ...this.#opener.attempt(choice, tokensBefore),
            onRelayed: (relay, bytes) => {
              note.relay = relay
              note.relayedBytes += bytes
            },
          }
        },
        tell: (message) => this.#mailbox.put([lane, message]),
      },
      { signal: this.#scope.signal },
    )
    this.#running.add(running)
    void running.finally(() => this.#running.delete(running))
  }

  #busy(except: LaneRun): readonly Candidate[] {
    return [...this.#lanes.values()].flatMap((lane) =>
      lane === except || lane.candidate === undefined ? [] : [lane.candidate],
    )
  }

  /** @throws InferenceError if the answer cannot continue */
  #wish(): ResumeWish {
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
      const wish = this.#wish()
      return this.#selection.candidates().some((peer) => suitable(peer, wish) !== undefined)
    } catch {
      return false
    }
  }

  #hear(lane: LaneRun, message: LaneMessage): void {
    // An attempt may have sent messages before it was cancelled.
    if (this.#lanes.get(lane.id) !== lane) return
    switch (message.type) {
      case 'chosen': {
        const { router } = this.#context
        const { candidate } = message.choice
        const others = this.#selection.candidates()
        const afterMs = router.hedgeAfterMs(candidate, this.#selection.routing(), others)
        const nowMs = this.#context.clock.now()
        const asideAtMs = nowMs + afterMs
        const overdueAtMs = nowMs + Math.max(afterMs, this.#opener.ttftTimeoutMs())
        this.#apply({ type: 'chosen', lane: lane.id, asideAtMs, overdueAtMs })
        return
      }
      case 'event':
        this.#heard(lane, message.event, message.gapMs)
        return
      case 'failed':
        if (lane.choice === undefined) this.#unchosenBy(lane, message.error)
        else this.#failed(lane, message.error)
        return
      default:
        message satisfies never
    }
  }

  #heard(lane: LaneRun, event: AttemptEvent, gapMs: number): void {
    const { note, candidate } = lane
    if (note === undefined || candidate === undefined) return
    switch (event.type) {
      case 'accepted':
        note.accepted = true
        lane.digest = event.digest !== '' ? event.digest : (candidate.model.digest ?? '')
        return
      case 'progress':
        note.progress = event.progress
        return
      case 'chunk':
        this.#piece(lane, event, gapMs)
        return
      case 'done':
        lane.done = event
        note.usage = event.usage
        this.#apply({ type: 'completed', lane: lane.id })
        return
      default:
        event satisfies never
    }
  }

  #piece(lane: LaneRun, piece: Piece, gapMs: number): void {
    const { note, candidate, choice } = lane
    if (note === undefined || candidate === undefined) return
    note.tokens += tokensOf(piece)
    if (note.ttftMs !== undefined) lane.decodeMs += gapMs
    const resumes = choice?.resume !== undefined
    const counts = piece.visible || (resumes && (piece.tokenIds.length > 0 || isEnd(piece)))
    if (counts && note.ttftMs === undefined) {
      note.ttftMs = note.elapsedMs
      // A resume also reads the answer so far, so its time says nothing about the prompt.
      if (!resumes) this.#context.router.began(candidate, this.#selection.routing(), note.ttftMs)
    }
    if (this.#isLeader(lane)) {
      const progress = Math.max(tokensOf(piece), Number(isEnd(piece)))
      this.#tooSlow = this.#pace.waited(gapMs, progress)
      this.#deliver(lane, piece)
      // An empty piece is no progress: the wait for the next token continues.
      if (progress === 0) lane.readOn()
      else this.#owed = true
      return
    }
    lane.held.push(piece)
    if (!counts || this.#state.phase === 'comparing') {
      lane.readOn()
      return
    }
    this.#owed = true
    this.#apply({ type: 'began', lane: lane.id })
  }

  #isLeader({ id }: LaneRun): boolean {
    return this.#state.phase === 'streaming' && this.#state.leader === id
  }

  /** From here on the pieces of this attempt go to the caller. */
  #lead(id: number): void {
    const lane = this.#lanes.get(id)
    if (lane === undefined) return
    if (lane.continues) this.#delivery.handOver(lane)
    lane.lease?.succeeded()
    this.#leader = lane
    this.#unchosen = undefined
    this.#parked = false
    this.#tooSlow = false
    this.#pace = new Pace(this.#job.limits)
    for (const piece of lane.held.splice(0)) this.#deliver(lane, piece)
  }

  #deliver(lane: LaneRun, piece: Piece): void {
    const circles = this.#delivery.piece(lane, piece)
    // Does not apply to a complete answer that enough peers agreed on.
    if (circles && this.#isLeader(lane))
      this.#failed(lane, repeatsItself(this.#job.limits.maxRepeatedChunks))
  }

  /** Runs once the caller has taken everything: the leader's waiting time counts only from here. */
  #readOn(): void {
    if (!this.#owed || this.#state.phase !== 'streaming') return
    this.#owed = false
    this.#apply({ type: 'progressed', stallAtMs: this.#context.clock.now() + this.#pace.stallMs() })
    if (this.#tooSlow) this.#apply({ type: 'dawdled' })
    this.#tooSlow = false
    if (!this.#parked) this.#readFurther(this.#leader?.id)
  }

  #readFurther(id: number | undefined): void {
    if (id !== undefined) this.#lanes.get(id)?.readOn()
  }

  #supersede(id: number): void {
    const lane = this.#lanes.get(id)
    if (lane === undefined) return
    const { candidate, note } = lane
    if (lane !== this.#leader || candidate === undefined) {
      if (candidate !== undefined && note !== undefined && note.ttftMs === undefined) {
        this.#context.router.outpaced(candidate, this.#selection.routing(), note.elapsedMs)
      }
      // In a quorum the answer may be complete, but another that agrees with it was delivered.
      this.#dismiss(lane, lane.done === undefined ? 'superseded' : 'answered')
      return
    }
    const why = this.#parked ? 'gave too few tokens a second' : 'fell silent in mid-answer'
    const message = `it ${why}; another went on`
    // Without this it could be asked again when the next peer stalls, as routing tolerates a single stall.
    this.#selection.failed(candidate, new InferenceError('stalled', message))
    this.#context.router.failed(candidate, 'stalled')
    this.#dismiss(lane, 'stalled', message)
  }

  #dismiss(lane: LaneRun, outcome: Parameters<AttemptNote['end']>[0], message?: string): void {
    this.#lanes.delete(lane.id)
    lane.note?.end(outcome, message)
    lane.cancel()
  }

  #unchosenBy(lane: LaneRun, cause: unknown): void {
    this.#lanes.delete(lane.id)
    if (!lane.beside) this.#unchosen = InferenceError.from(cause)
    const anew = this.#job.restartable ? 'restart' : 'give-up'
    const recovery = lane.beside ? this.#recovery() : anew
    this.#apply({ type: 'unchosen', lane: lane.id, recovery })
  }

  #failed(lane: LaneRun, cause: unknown): void {
    const { candidate } = lane
    if (candidate === undefined || this.#lanes.get(lane.id) !== lane) return
    const error = InferenceError.from(cause)
    this.#selection.failed(candidate, error)
    this.#context.router.failed(candidate, error.code)
    this.#dismiss(lane, error.code, error.message)
    if (error instanceof InvalidCall && lane === this.#leader) this.#delivery.dropCalls()
    this.#fatal = this.#finalFailure()
    const final = this.#fatal !== undefined
    const unreached = error.code === 'dial_failed'
    this.#apply({ type: 'failed', lane: lane.id, recovery: this.#recovery(), final, unreached })
  }

  /** The failure that ends the request, if the request is or may be at fault. */
  #finalFailure(): InferenceError | undefined {
    const { failures } = this.#selection
    const end = fatal(failures)
    if (end?.code !== 'context_too_long') return end
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
    const whole = [...this.#lanes.values()].filter(({ done }) => done !== undefined)
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

  /** The answer is complete. Without a lane the client ends it: its peer was lost after the end was decided. */
  #finish(id: number | undefined): void {
    const lane = id === undefined ? this.#leader : this.#lanes.get(id)
    this.#context.budget.succeeded()
    this.#context.reserve.answered()
    if (lane?.done !== undefined) this.#learn(lane)
    this.#delivery.end(lane, this.#opener.promptTokens)
    if (lane !== undefined) this.#dismiss(lane, 'answered')
  }

  #learn({ candidate, note, done, decodeMs }: LaneRun): void {
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
        return this.#fatal ?? this.#unchosen ?? this.#selection.exhausted()
      case 'quorum':
        return quorumNotReached(this.#job, failures, this.#unchosen)
      case 'resumes':
      case 'not-resumable':
        return brokenOff(
          this.#delivery.continuation(),
          this.#delivery.tokens,
          failures,
          this.#unchosen,
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
