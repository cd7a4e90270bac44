import type { Answer, RequestOptions, ServedChunk } from '../../client/index.ts'
import { type ErrorCode, InferenceError } from '../../protocol/index.ts'
import { type Clock, openedLater, tapped } from '../../timing/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { type Asked, answerOver, resumed, wrappedClient } from '../wrapped-client.ts'
import type { RequestQueue, Turn } from './request-queue.ts'

/** Options for the queue. They are not passed to the client. */
export interface QueuedOptions extends RequestOptions {
  readonly timeoutMs: number
  /** Name of its API key. */
  readonly caller?: string
  /** @see EnterOptions.onPosition */
  readonly onPosition?: (ahead: number) => void
}

/** The result of a request that still has its turn. */
interface InTurn<T> {
  readonly result: T
  /** Records the answer and ends the turn. */
  readonly done: () => void
}

/**
 * The same client with its requests queued. Batches have their own queue.
 *
 * @param check of a request whose turn has come; what it throws is the failure of the request
 */
export function queuedClient(
  client: GatewayClient,
  queue: Pick<RequestQueue, 'enter'>,
  clock: Clock,
  check: (asked: Asked) => void = () => {},
): GatewayClient {
  /** Retries until there is a free slot or the deadline passes. The turn goes on until `done` is called. */
  const inTurn = async <T>(
    asked: Asked,
    ask: (options: RequestOptions) => Promise<T>,
  ): Promise<InTurn<T>> => {
    const { request, caller, options: given } = asked
    const { caller: _, onPosition, ...options } = given as Partial<QueuedOptions>
    const startedAtMs = clock.now()
    const deadlineAtMs = startedAtMs + (options.timeoutMs ?? Number.POSITIVE_INFINITY)
    const { signal } = options
    const model = modelOf(request)
    const turn = await queue.enter({ model, key: caller, deadlineAtMs, signal, onPosition })
    try {
      for (;;) {
        const waitedMs = clock.now() - startedAtMs
        const timeoutMs = deadlineAtMs - clock.now()
        if (timeoutMs <= 0) throw tooLate(options.timeoutMs, waitedMs)
        check(asked)
        try {
          const result = await ask(
            options.timeoutMs === undefined ? options : { ...options, timeoutMs },
          )
          return { result, done: () => endTurn(turn) }
        } catch (error) {
          // The client knows only the time that was left.
          if (InferenceError.is(error, 'deadline_exceeded') && waitedMs >= 1)
            throw tooLate(options.timeoutMs, waitedMs, error)
          if (!hasNoRoom(error)) throw error
          await turn.again(error)
        }
      }
    } catch (error) {
      turn.leave()
      throw error
    }
  }

  return wrappedClient(client, {
    async whole(asked, ask) {
      const { result, done } = await inTurn(asked, ask)
      done()
      return result
    },
    streamed<T>(asked: Asked, ask: (options: RequestOptions) => Answer<T>) {
      let answer: Answer<T> | undefined
      const begun = async (options: RequestOptions): Promise<AsyncIterator<T & ServedChunk>> => {
        answer = ask(options)
        const chunks = answer[Symbol.asyncIterator]()
        return resumed(await chunks.next(), chunks)
      }
      /** The turn lasts until the stream ends; only failures before the first chunk are retried. */
      const open = async (): Promise<AsyncIterator<T & ServedChunk>> => {
        const { result: chunks, done } = await inTurn(asked, begun)
        return tapped(chunks, { ended: done })
      }
      return answerOver(
        () => openedLater(open),
        () => answer,
      )
    },
  })
}

function endTurn(turn: Turn): void {
  turn.answered()
  turn.leave()
}

function tooLate(
  timeoutMs: number | undefined,
  waitedMs: number,
  cause?: InferenceError,
): InferenceError {
  return new InferenceError(
    'deadline_exceeded',
    `no complete answer within ${Math.round(timeoutMs ?? waitedMs)} ms: the request waited for its turn for ${Math.round(waitedMs)} ms of them`,
    cause && { cause, details: cause.details },
  )
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
