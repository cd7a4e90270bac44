import { type AttemptRecord, InferenceError, type TraceContext } from '../../protocol/index.ts'
import { type Scope, Superseded } from '../../timing/index.ts'
import type { AttemptInit } from '../attempt/index.ts'
import type { AttemptNote, Job, RequestTrace } from '../request/index.ts'
import { type AttemptMessage, AttemptRun } from './attempt-run.ts'
import type { Choice } from './choice.ts'
import type { DispatchContext } from './dispatch-context.ts'
import type { DispatchEffect } from './dispatch-state.ts'
import type { Opener, PlannedAttempt } from './opener.ts'
import type { ResumeNeed } from './resume-need.ts'

type Opening = Extract<DispatchEffect, { type: 'open' }>

export interface RunningAttemptsInit {
  readonly context: DispatchContext
  readonly job: Job
  readonly scope: Scope
  readonly opener: Opener
  /** For attempts that continue the answer. Throws if that is impossible. */
  readonly resumeNeed: () => ResumeNeed
  /** Receives what the attempts report, in order. */
  readonly send: (attempt: AttemptRun, message: AttemptMessage) => void
}

/** The attempts of one request that have not ended. */
export class RunningAttempts {
  readonly #init: RunningAttemptsInit
  readonly #attempts = new Map<number, AttemptRun>()
  /** Attempts whose work has not stopped yet, cancelled ones included. */
  readonly #stopping = new Set<Promise<void>>()

  constructor(init: RunningAttemptsInit) {
    this.#init = init
  }

  get(id: number): AttemptRun | undefined {
    return this.#attempts.get(id)
  }

  /** False for an attempt that was dismissed: messages of it may still arrive. */
  has(attempt: AttemptRun): boolean {
    return this.#attempts.get(attempt.id) === attempt
  }

  /** Attempts that have sent their whole answer, in the order in which they were started. */
  complete(): readonly AttemptRun[] {
    return [...this.#attempts.values()].filter(({ done }) => done !== undefined)
  }

  /** @param tokensBefore tokens of the answer that the caller has */
  start({ attempt: id, reason, concurrent }: Opening, tokensBefore: number): void {
    const { context, scope, opener, resumeNeed, send } = this.#init
    const continues = reason === 'resume' || reason === 'stall' || reason === 'slow'
    const planned: PlannedAttempt = { id, reason, concurrent, ...(continues && { resumeNeed }) }
    const { clock, attempt: source } = context
    const attempt = new AttemptRun({ id, concurrent, continues, tokensBefore, clock, source })
    this.#attempts.set(id, attempt)
    const running = attempt.run(
      {
        choose: (signal) => opener.choose(planned, signal),
        enter: ({ candidate }) => context.router.enter(candidate),
        prepare: (choice) => this.#prepare(attempt, planned, choice),
        send: (message) => send(attempt, message),
      },
      { signal: scope.signal },
    )
    this.#stopping.add(running)
    void running.finally(() => this.#stopping.delete(running))
  }

  #prepare(attempt: AttemptRun, { reason }: PlannedAttempt, choice: Choice): AttemptInit {
    const { job, opener, context } = this.#init
    const about = { peerId: choice.candidate.key, reason }
    const note = job.journal.begin(attempt.continues ? { ...about, ...seamOf(choice) } : about)
    attempt.note = note
    const trace = context.carriesTraces === true ? traceOf(job.journal.trace, note) : undefined
    return {
      ...opener.attemptInit(choice, attempt.tokensBefore),
      ...(trace !== undefined && { trace }),
      onCarried: ({ relay, by }, bytes) => {
        note.relay = relay
        note.path = by
        if (relay !== undefined) note.relayedBytes += bytes
      },
    }
  }

  /** Stops an attempt and records how it ended. */
  dismiss(attempt: AttemptRun, outcome: Parameters<AttemptNote['end']>[0], message?: string): void {
    this.remove(attempt)
    attempt.note?.end(outcome, message)
    attempt.cancel()
  }

  /** Removes an attempt that has ended by itself, or that asked no peer. */
  remove({ id }: AttemptRun): void {
    this.#attempts.delete(id)
    this.#init.opener.release(id)
  }

  /** Dismisses all attempts and waits for their work to stop. */
  async close(): Promise<void> {
    const { signal } = this.#init.scope
    const overtaken = !signal.aborted || signal.reason instanceof Superseded
    const outcome = overtaken ? 'superseded' : InferenceError.from(signal.reason, 'cancelled').code
    for (const attempt of this.#attempts.values())
      this.dismiss(attempt, attempt.done === undefined ? outcome : 'answered')
    await Promise.all(this.#stopping)
  }
}

/** The parent of the peer's span: the attempt's own, or the caller's if this client records none. */
function traceOf(trace: RequestTrace | undefined, note: AttemptNote): TraceContext | undefined {
  const spanId = note.spanId ?? trace?.parentSpanId
  if (trace === undefined || spanId === undefined) return undefined
  return { traceId: trace.traceId, spanId, isSampled: trace.isSampled }
}

function seamOf({ resume, exact }: Choice): Pick<AttemptRecord, 'exact' | 'seam'> {
  if (resume === undefined) return { seam: 'start' }
  return { exact: exact === true, seam: exact === true ? 'token-ids' : 'text' }
}
