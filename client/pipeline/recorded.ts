import { type AttemptRecord, drawHex, InferenceError } from '../../protocol/index.ts'
import { type Clock, openedLater, tapped } from '../../timing/index.ts'
import {
  type AnswerEvent,
  promptText,
  type RequestEvent,
  type RunningRequest,
  type Verification,
} from '../request/index.ts'
import type { Stage } from './ask.ts'
import type { PreparedRequest } from './prepare.ts'

export interface RecordedInit {
  /** Called with the record of every request when it ends. Exceptions of a listener are ignored. */
  readonly listeners: Iterable<(record: RequestEvent) => void>
  /** Holds the requests that have not ended. */
  readonly running: Set<() => RunningRequest>
  readonly clock: Pick<Clock, 'wall'>
  /** Receives what each request asks. @default none */
  readonly onPrompt?: ((requestId: string, prompt: string) => void) | undefined
}

/**
 * Writes the record of a request when it is answered, fails, or its consumer stops reading. Adds the attempts to its
 * error.
 */
export function recorded({ listeners, running, clock, onPrompt }: RecordedInit): Stage {
  return (next) => (request, scope) => {
    const { journal, placement } = request
    const requestId = drawHex(12)
    const now = (): RunningRequest => runningOf(request, requestId, clock.wall())
    let answering: Extract<AnswerEvent, { type: 'model' }> | undefined
    let verification: Verification | undefined
    const end = (outcome: RequestEvent['outcome'], more: Partial<RequestEvent>): void => {
      if (journal.record !== undefined) return
      running.delete(now)
      const startedAt = clock.wall() - journal.elapsedMs
      const record = recordOf(request, answering, { requestId, outcome, startedAt, ...more })
      journal.record = record
      placement?.onEnd?.(record)
      for (const listener of listeners) notify(listener, record)
    }
    const answer = openedLater(() => {
      running.add(now)
      onPrompt?.(requestId, promptText(request.request))
      return next(request, scope)
    })
    return tapped(answer, {
      value: (event) => {
        if (event.type === 'model') {
          answering = event
          placement?.onModel?.(event.model)
        } else if (event.type === 'verified') {
          verification = event.verification
        } else if (event.type === 'done') {
          end('answered', verification === undefined ? {} : { verification })
        }
      },
      failed: (error) => {
        const failure = InferenceError.from(error, scope.signal.aborted ? 'cancelled' : 'internal')
        const { code, message } = failure
        const evidence = failure.detailsOf('verification_failed').verification
        end(code, { message, ...(evidence && { verification: evidence }) })
        return withAttempts(failure, journal.attempts)
      },
      // Has an effect only if the consumer stopped reading.
      ended: () => end('cancelled', {}),
    })
  }
}

function recordOf(
  { request, asked, policy, resume, estimatedPromptTokens, journal }: PreparedRequest,
  answering: Extract<AnswerEvent, { type: 'model' }> | undefined,
  end: Pick<RequestEvent, 'outcome' | 'requestId' | 'startedAt'> & Partial<RequestEvent>,
): RequestEvent {
  const { attempts, resumes, exact, cost, ttftMs, usage, agreement, trace } = journal
  const hasBegun = end.outcome === 'answered' || ttftMs !== undefined
  return {
    kind: request.kind,
    model: asked,
    policy,
    resume,
    estimatedPromptTokens,
    ...(hasBegun && answering !== undefined && answeredBy(answering)),
    ...(ttftMs !== undefined && { ttftMs }),
    durationMs: journal.elapsedMs,
    attempts: [...attempts],
    resumes,
    exact,
    cost,
    ...(usage !== undefined && { usage }),
    ...(journal.usageEstimated && { usageEstimated: true as const }),
    ...(agreement !== undefined && { agreement }),
    ...(trace?.spanId !== undefined && { trace: { ...trace, spanId: trace.spanId } }),
    ...(journal.remembered && { remembered: true as const }),
    ...end,
  }
}

function answeredBy({
  model,
  swarm,
}: Extract<AnswerEvent, { type: 'model' }>): Pick<RequestEvent, 'answeredBy' | 'swarm'> {
  return { answeredBy: model, ...(swarm !== undefined && { swarm }) }
}

function runningOf(
  { request, asked, policy, journal }: PreparedRequest,
  requestId: string,
  nowMs: number,
): RunningRequest {
  const { attempts, running, resumes, ttftMs, elapsedMs } = journal
  return {
    requestId,
    startedAt: nowMs - elapsedMs,
    elapsedMs,
    kind: request.kind,
    model: asked,
    policy,
    attempts: [...attempts],
    running,
    resumes,
    ...(ttftMs !== undefined && { ttftMs }),
  }
}

function notify(listener: (record: RequestEvent) => void, record: RequestEvent): void {
  try {
    listener(record)
  } catch {
    // A failing listener must not fail the request.
  }
}

/** The error with the attempts in its details. */
function withAttempts(error: InferenceError, attempts: readonly AttemptRecord[]): InferenceError {
  if (attempts.length === 0) return error
  return new InferenceError(error.code, error.message, {
    cause: error,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    details: { ...error.details, attempts: [...attempts] },
  })
}
