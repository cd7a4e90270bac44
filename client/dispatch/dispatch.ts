import {
  type AttemptRecord,
  InferenceError,
  type InferenceRequest,
  type ModelReference,
  requirementsOf,
  type Timings,
  type Usage,
} from '../../protocol/index.ts'
import { type AnswerChunk, encodeRequest, runAttempt, type WireRequest } from '../attempt/index.ts'
import type { RequestLimits } from '../defaults.ts'
import type { Candidate } from '../directory/index.ts'
import type { Scope } from '../scope.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { estimatePromptTokens, exactPromptTokens } from './prompt-size.ts'
import { Selection } from './selection.ts'
import { claimedPromptTokens, conclude, type Failure, fatal } from './verdict.ts'

export type { DispatchContext } from './dispatch-context.ts'

/** One request, validated. */
export interface Job {
  readonly request: InferenceRequest
  readonly reference: ModelReference
  readonly limits: RequestLimits
  /** Until when another peer may take over unseen: `first-delta` for a stream, `end` where the caller gets the whole at once. */
  readonly commit: 'first-delta' | 'end'
  /** Every attempt is written here as it ends. */
  readonly attempts: AttemptRecord[]
}

export type DispatchEvent =
  | {
      readonly type: 'chunk'
      /** Who served this piece. */
      readonly peerId: string
      readonly chunk: AnswerChunk
      readonly tokenIds: readonly number[]
      readonly logprobs: readonly number[]
    }
  | {
      readonly type: 'done'
      readonly peerId: string
      readonly usage: Usage
      readonly timings: Timings
    }

/**
 * Runs a request until one peer has answered it completely, then ends.
 *
 * @throws InferenceError with `details.attempts`; the scope's reason when the caller ended it
 */
export async function* dispatch(
  context: DispatchContext,
  job: Job,
  scope: Scope,
): AsyncGenerator<DispatchEvent, void, void> {
  const { request, reference, limits } = job
  const wire = encodeRequest(request, reference.digest)
  const promptTokens = exactPromptTokens(request)
  const needs = requirementsOf(request)
  const query = { reference, needs, ...(promptTokens !== undefined && { promptTokens }) }
  const estimatedTokens = estimatePromptTokens(request)
  const selection = new Selection(context, query, estimatedTokens)
  const ttftTimeoutMs = limits.ttftTimeoutMs + limits.ttftPerTokenMs * estimatedTokens
  const attempt = { ...job, wire, limits: { ...limits, ttftTimeoutMs } }
  for (let count = 0; count < limits.maxAttempts; count += 1) {
    const candidate = await selection.next(scope)
    const failure = yield* attemptOn(candidate, context, attempt, scope)
    if (failure === undefined) return
    selection.failed(failure)
    const end = fatal(selection.failures)
    if (end === undefined) continue
    const claimed = claimedPromptTokens(selection.failures) ?? 0
    if (end.code !== 'context_too_long' || !selection.hasRoomFor(claimed)) throw end
  }
  throw conclude(selection.failures)
}

/** @returns why it failed, where nobody has seen anything of it yet; nothing where it answered */
async function* attemptOn(
  candidate: Candidate,
  context: DispatchContext,
  job: Job & { readonly wire: WireRequest },
  scope: Scope,
): AsyncGenerator<DispatchEvent, Failure | undefined, void> {
  const { key: peerId, advertisement } = candidate
  const startedAt = performance.now()
  const elapsedMs = (): number => performance.now() - startedAt
  const held: DispatchEvent[] = []
  let committed = false
  let ttftMs: number | undefined
  let error: InferenceError | undefined
  let answered = false
  using _counted = context.inFlight.enter(peerId)
  try {
    for await (const event of runAttempt(attemptInit(candidate, context, job, scope), scope)) {
      if (event.type === 'accepted') continue
      if (event.type === 'done') {
        const { usage, timings } = event
        answered = true
        committed = true
        learn(context, candidate, ttftMs ?? elapsedMs(), usage, timings)
        yield* held.splice(0)
        yield { type: 'done', peerId, usage, timings }
        continue
      }
      const { chunk, visible, tokenIds, logprobs } = event
      const piece = { type: 'chunk', peerId, chunk, tokenIds, logprobs } as const
      if (visible) ttftMs ??= elapsedMs()
      committed ||= visible && job.commit === 'first-delta'
      held.push(piece)
      if (committed) yield* held.splice(0)
    }
    return undefined
  } catch (cause) {
    if (scope.signal.aborted) {
      error = asCancelled(scope.signal.reason)
      throw scope.signal.reason
    }
    error = InferenceError.from(cause)
    if (error.traits.blame === 'peer') context.suspects.failed(peerId, performance.now())
    if (committed) throw error
    return { peer: peerId, operator: advertisement.operator, error }
  } finally {
    job.attempts.push({
      peerId,
      reason: job.attempts.length === 0 ? 'first' : 'retry',
      startedMs: 0,
      tokens: 0,
      deliveredTokens: 0,
      outcome: error?.code ?? (answered ? 'answered' : 'cancelled'),
      ...(ttftMs !== undefined && { ttftMs }),
      durationMs: elapsedMs(),
      ...(error !== undefined && { message: error.message }),
    })
  }
}

function attemptInit(
  { peerId, key }: Candidate,
  context: DispatchContext,
  job: Job & { readonly wire: WireRequest },
  scope: Scope,
): Parameters<typeof runAttempt>[0] {
  const { limits, wire } = job
  return {
    peerId,
    connect: context.connect,
    request: wire,
    limits,
    remainingMs: () => scope.remainingMs(),
    onLoad: (load) => context.prober.pool.add(key, load, performance.now()),
  }
}

function learn(
  context: DispatchContext,
  { key }: Candidate,
  ttftMs: number,
  usage: Usage,
  { prefillMs }: Timings,
): void {
  const prefilledTokens = usage.promptTokens - usage.cachedPromptTokens
  context.suspects.answered(key)
  context.latency.observeAnswer(key, { ttftMs, prefillMs, prefilledTokens })
}

function asCancelled(reason: unknown): InferenceError {
  return InferenceError.from(reason, 'cancelled')
}
