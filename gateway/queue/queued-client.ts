import type { Answer, RequestOptions } from '../../client/index.ts'
import { defined, type ErrorCode, InferenceError } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import type { RequestQueue, Turn } from './request-queue.ts'

/** Options for the queue. They are not passed to the client. */
export interface QueuedOptions extends RequestOptions {
  readonly timeoutMs: number
  /** Name of its API key. */
  readonly caller?: string
  /** @see EnterOptions.onPosition */
  readonly onPosition?: (ahead: number) => void
}

/** Created once: every stream ends so, and a stack would add nothing. */
const LEFT = new InferenceError('cancelled', 'the reader left')

type Ask<T> = (options: RequestOptions) => T

/** The same client with its requests queued. Batches have their own queue. */
export function queuedClient(
  client: GatewayClient,
  queue: Pick<RequestQueue, 'enter'>,
  clock: Clock,
): GatewayClient {
  /** Retries until there is a free slot or the deadline passes. */
  const asked = async <T>(
    request: object,
    given: RequestOptions | undefined,
    ask: (options: RequestOptions, turn: Turn) => Promise<T>,
  ): Promise<T> => {
    const { caller = '', onPosition, ...options } = (given ?? {}) as Partial<QueuedOptions>
    const startedAtMs = clock.now()
    const deadlineAtMs = startedAtMs + (options.timeoutMs ?? Number.POSITIVE_INFINITY)
    const { signal } = options
    const turn = await queue.enter({
      ...{ model: modelOf(request), key: caller, deadlineAtMs },
      ...defined({ signal, onPosition }),
    })
    try {
      for (;;) {
        const timeoutMs = deadlineAtMs - clock.now()
        try {
          return await ask(
            { ...options, ...(options.timeoutMs !== undefined && { timeoutMs }) },
            turn,
          )
        } catch (error) {
          if (!hasNoRoom(error)) throw error
          await turn.again(error)
        }
      }
    } finally {
      turn.leave()
    }
  }

  const whole = async <T>(
    request: object,
    given: RequestOptions | undefined,
    ask: Ask<Promise<T>>,
  ): Promise<T> =>
    await asked(request, given, async (options, turn) => {
      const answer = await ask(options)
      turn.answered()
      return answer
    })

  const streamed = <T>(
    request: object,
    given: RequestOptions | undefined,
    ask: Ask<Answer<T>>,
  ): Answer<T> => {
    let answer: Answer<T> | undefined
    const left = new AbortController()
    /** The turn lasts until the stream ends; only failures before the first chunk are retried. */
    async function* chunks(): AsyncGenerator<T> {
      const { promise: ended, resolve: end } = Promise.withResolvers<void>()
      const {
        promise: opened,
        resolve: open,
        reject,
      } = Promise.withResolvers<AsyncIterator<T> | undefined>()
      let first: IteratorResult<T> | undefined
      const signal = AbortSignal.any([left.signal, ...(given?.signal ? [given.signal] : [])])
      asked(request, { ...given, signal }, async (options, turn) => {
        answer = ask({ ...options, ...(given?.signal && { signal: given.signal }) })
        const iterator = answer[Symbol.asyncIterator]()
        first = await iterator.next()
        open(iterator)
        await ended
        turn.answered()
      }).catch(reject)
      let iterator: AsyncIterator<T> | undefined
      let isOver = false
      try {
        iterator = await opened
        for (let result = first; result !== undefined && result.done !== true; ) {
          yield result.value
          result = await iterator?.next()
        }
        isOver = true
      } finally {
        if (!isOver) {
          await iterator?.return?.()
          left.abort(LEFT)
        }
        end()
      }
    }
    return {
      get attempts() {
        return answer?.attempts ?? []
      },
      get usage() {
        return answer?.usage
      },
      get event() {
        return answer?.event
      },
      [Symbol.asyncIterator]: () => chunks() as ReturnType<Answer<T>[typeof Symbol.asyncIterator]>,
    }
  }

  const answered =
    (ask: 'chat' | 'complete') =>
    (request: { readonly stream?: boolean | null }, options?: RequestOptions): unknown => {
      // Overloads of the client: the result type depends on `stream`.
      const run = client[ask] as (request: object, options: RequestOptions) => never
      return request.stream === true
        ? streamed(request, options, (more) => run(request, more))
        : whole(request, options, (more) => run(request, more))
    }
  return {
    ...client,
    chat: answered('chat') as GatewayClient['chat'],
    complete: answered('complete') as GatewayClient['complete'],
    embed: (request, options) =>
      whole(request, options, async (more) => await client.embed(request, more)),
  }
}

function modelOf(request: object): string {
  const { model } = request as { readonly model?: unknown }
  return typeof model === 'string' ? model : ''
}

const NO_ROOM: Readonly<Partial<Record<ErrorCode | 'answered' | 'superseded', true>>> = {
  over_capacity: true,
  rate_limited: true,
  superseded: true,
}

/** Whether a failure means only that the peers are busy. */
function hasNoRoom(error: unknown): error is InferenceError {
  if (!InferenceError.is(error)) return false
  if (error.code === 'over_capacity' || error.code === 'rate_limited') return true
  const attempts = error.details.attempts ?? []
  return (
    error.code === 'budget_exhausted' && attempts.every(({ outcome }) => NO_ROOM[outcome] === true)
  )
}
