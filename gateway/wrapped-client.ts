import type {
  Answer,
  ChatCompletion,
  Completion,
  EmbeddingResponse,
  RequestOptions,
  ServedChunk,
} from '../client/index.ts'
import type { InferenceKind } from '../protocol/index.ts'
import type { GatewayClient } from './gateway-client.ts'

/** A request that a wrapped client is asked. It may not be valid. */
export interface Asked {
  readonly kind: Exclude<InferenceKind, 'score'>
  readonly request: object
  readonly options: RequestOptions
  /** Name of its API key; empty without keys. */
  readonly caller: string
}

/** What is done around the requests of a client. `ask` asks the client itself. */
export interface Wrapper {
  /** For answers that are not streamed. */
  whole<T extends ChatCompletion | Completion | EmbeddingResponse>(
    asked: Asked,
    ask: (options: RequestOptions) => Promise<T>,
  ): Promise<T>
  streamed<T>(asked: Asked, ask: (options: RequestOptions) => Answer<T>): Answer<T>
}

/** The same client with something done around each of its requests, but not around its batches. */
export function wrappedClient(client: GatewayClient, wrapper: Wrapper): GatewayClient {
  const askedOf = (
    kind: Asked['kind'],
    request: object,
    options: RequestOptions & { readonly caller?: string } = {},
  ): Asked => ({ kind, request, options, caller: options.caller ?? '' })

  const answered =
    (method: 'chat' | 'complete', kind: Asked['kind']) =>
    (request: { readonly stream?: boolean | null }, options?: RequestOptions): unknown => {
      // Overloads of the client: the result type depends on `stream`.
      const run = client[method] as (request: object, options: RequestOptions) => never
      const asked = askedOf(kind, request, options)
      return request.stream === true
        ? wrapper.streamed(asked, (more) => run(request, more))
        : wrapper.whole(asked, (more) => run(request, more))
    }
  return {
    ...client,
    chat: answered('chat', 'chat') as GatewayClient['chat'],
    complete: answered('complete', 'completion') as GatewayClient['complete'],
    embed: async (request, options) =>
      await wrapper.whole(askedOf('embedding', request, options), (more) =>
        client.embed(request, more),
      ),
  }
}

/** The chunks as an answer, with the attempts, usage and event of the client's answer once there is one. */
export function answerOver<T>(
  chunks: () => AsyncIterator<T & ServedChunk>,
  answer: () => Answer<T> | undefined,
): Answer<T> {
  return new AnswerOver(chunks, answer)
}

class AnswerOver<T> implements Answer<T> {
  readonly #chunks: () => AsyncIterator<T & ServedChunk>
  readonly #answer: () => Answer<T> | undefined

  constructor(chunks: () => AsyncIterator<T & ServedChunk>, answer: () => Answer<T> | undefined) {
    this.#chunks = chunks
    this.#answer = answer
  }

  get attempts(): Answer<T>['attempts'] {
    return this.#answer()?.attempts ?? []
  }

  get usage(): Answer<T>['usage'] {
    return this.#answer()?.usage
  }

  get event(): Answer<T>['event'] {
    return this.#answer()?.event
  }

  [Symbol.asyncIterator](): AsyncIterator<T & ServedChunk> {
    return this.#chunks()
  }
}

/** The iterator with a result that was read from it in front. */
export function resumed<T>(
  first: IteratorResult<T> | Promise<IteratorResult<T>>,
  rest: AsyncIterator<T>,
): AsyncIterator<T> {
  let isFirst = true
  const next = (): Promise<IteratorResult<T>> => {
    if (!isFirst) return rest.next()
    isFirst = false
    return Promise.resolve(first)
  }
  const leave = async (): Promise<IteratorReturnResult<undefined>> => {
    await rest.return?.()
    return { done: true, value: undefined }
  }
  return { next, return: leave }
}
