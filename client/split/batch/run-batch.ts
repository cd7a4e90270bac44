import { type AttemptRecord, InferenceError } from '../../../protocol/index.ts'
import { type Clock, openScope, type Scope } from '../../../timing/index.ts'
import type { Requester } from '../../pipeline/index.ts'
import { modelOf, type PlacedOptions } from '../../request/index.ts'
import { isBusy } from '../after-failure.ts'
import { SPLIT_LIMITS } from '../limits.ts'
import { runParts } from '../run-parts.ts'
import { WorkQueue } from '../work-queue.ts'
import type { BatchOptions, BatchRequest, BatchResult } from './batch-request.ts'
import { OpenRequests } from './open-requests.ts'

const DEFAULT_DEADLINE_MS = 86_400_000

export interface BatchContext {
  readonly requester: Pick<Requester, 'chat' | 'complete' | 'embed'>
  readonly slots: Requester['slots']
  /** Default timeout of one try of one request. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly random: () => number
}

type Source = Iterable<BatchRequest> | AsyncIterable<BatchRequest>

/** See `Client.batch`. */
export async function* runBatch(
  context: BatchContext,
  requests: Source,
  options: BatchOptions,
): AsyncGenerator<BatchResult, void, void> {
  const { deadlineMs = DEFAULT_DEADLINE_MS, ordered = false, onProgress, ...own } = options
  const { clock } = context
  using scope = openScope(
    { timeoutMs: deadlineMs, clock, onTimeout: () => tooLate(deadlineMs) },
    options,
  )
  const startedAt = clock.now()
  const open = new OpenRequests({ ordered, most: SPLIT_LIMITS.maxAhead })
  const { slots, random, timeoutMs } = context
  const queue = new WorkQueue({
    slots: () => open.models.reduce((sum, model) => sum + slots(model, options.trusted), 0),
    random,
    maxTries: SPLIT_LIMITS.maxTries,
    copies: true,
    maxAbsences: SPLIT_LIMITS.maxBatchAbsences,
  })
  const source = iteratorOf(requests)
  const feed = async (): Promise<void> => {
    await open.room()
    const next = await source.next()
    if (next.done === true) queue.close()
    else queue.add([open.add(next.value, modelOf(next.value.body))])
  }
  const settled = function* (results: readonly BatchResult[]): Generator<BatchResult, void, void> {
    for (const result of results) {
      yield result
      onProgress?.({ ...open.counts, elapsedMs: clock.now() - startedAt })
    }
  }
  const parts = runParts<never, Answered>(
    {
      queue,
      feed,
      clock,
      wasCrowded: ({ attempts }) => attempts.some(({ outcome }) => isBusy(outcome)),
      run: async (part, { signal, placement }) => {
        const limit = Math.min(options.timeoutMs ?? timeoutMs, Math.max(1, scope.remainingMs()))
        const call = {
          ...own,
          signal,
          placement: { ...placement, batch: true },
          timeoutMs: limit,
        }
        return await answer(context.requester, open.get(part.items[0] ?? 0), call)
      },
    },
    scope,
  )
  try {
    for await (const event of parts) {
      if (event.type === 'answered') {
        for (const index of event.items) yield* settled(open.answered(index, event.answer.answer))
      } else if (event.type === 'failed') {
        for (const index of event.items) yield* settled(open.failed(index, event.error))
      }
    }
  } catch (error) {
    if (!isDeadline(scope, options, error)) throw error
    yield* settled(open.allFailed(InferenceError.from(error)))
    if (!queue.closed) throw error
  } finally {
    // Not awaited: the source may hang.
    void Promise.resolve(source.return?.()).catch(() => {})
  }
}

interface Answered {
  readonly answer: NonNullable<BatchResult['answer']>
  readonly attempts: readonly AttemptRecord[]
}

async function answer(
  requester: BatchContext['requester'],
  { kind, body }: BatchRequest,
  options: PlacedOptions,
): Promise<Answered> {
  const ask = { chat: requester.chat, completion: requester.complete, embedding: requester.embed }
  const found = await ask[kind](body, options)
  return { answer: found, attempts: found.skein.attempts }
}

function isDeadline(scope: Scope, options: BatchOptions, error: unknown): boolean {
  const { signal } = scope
  return signal.aborted && signal.reason === error && options.signal?.aborted !== true
}

function tooLate(deadlineMs: number): InferenceError {
  return new InferenceError(
    'deadline_exceeded',
    `the batch exceeded its deadline of ${deadlineMs} ms`,
  )
}

function iteratorOf(requests: Source): AsyncIterator<BatchRequest> | Iterator<BatchRequest> {
  return Symbol.asyncIterator in requests
    ? requests[Symbol.asyncIterator]()
    : requests[Symbol.iterator]()
}
