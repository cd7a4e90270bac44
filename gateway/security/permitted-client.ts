import type { Answer, RequestOptions } from '../../client/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { visibleError } from '../visible-models.ts'
import { type Asked, answerOver, wrappedClient } from '../wrapped-client.ts'
import type { KeyRing } from './key-ring.ts'

/**
 * The same client for callers whose keys may not use every model, peer or provider, and for keys that are removed while
 * an answer runs. Batches check their lines themselves.
 */
export function permittedClient(
  client: GatewayClient,
  keys: Pick<KeyRing, 'checkModels' | 'rightsOf' | 'whileHeld' | 'within'>,
): GatewayClient {
  const checked = <T>(
    { caller, request, options }: Asked,
    ask: (options: RequestOptions) => T,
  ): T => {
    keys.checkModels(caller, request)
    return ask(keys.within(caller, options))
  }
  const shown = ({ caller }: Asked, error: unknown): never => {
    throw visibleError(error, keys.rightsOf(caller))
  }
  return wrappedClient(client, {
    async whole(asked, ask) {
      const checkHeld = keys.whileHeld(asked.caller)
      const answer = await checked(asked, ask).catch((error) => shown(asked, error))
      checkHeld()
      return answer
    },
    streamed: (asked, ask) =>
      watched(checked(asked, ask), {
        checkHeld: keys.whileHeld(asked.caller),
        onFailure: (error) => shown(asked, error),
      }),
  })
}

interface Watch {
  /** Throws when the answer must end. */
  readonly checkHeld: () => void
  /** For a failure before the first chunk: a model that is missing fails nowhere else. */
  readonly onFailure: (error: unknown) => never
}

/** The answer while its key is held. */
function watched<T>(answer: Answer<T>, watch: Watch): Answer<T> {
  return answerOver(
    () => new WatchedChunks(answer[Symbol.asyncIterator](), watch),
    () => answer,
  )
}

/** Chunks after the first pass without a promise of their own. */
class WatchedChunks<T> implements AsyncIterator<T> {
  readonly #chunks: AsyncIterator<T>
  readonly #watch: Watch
  #isFirst: boolean = true

  constructor(chunks: AsyncIterator<T>, watch: Watch) {
    this.#chunks = chunks
    this.#watch = watch
  }

  next(): Promise<IteratorResult<T>> {
    try {
      this.#watch.checkHeld()
    } catch (error) {
      return this.#end(error)
    }
    if (!this.#isFirst) return this.#chunks.next()
    this.#isFirst = false
    return this.#chunks.next().catch(this.#watch.onFailure)
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.#chunks.return?.()
    return { done: true, value: undefined }
  }

  async #end(error: unknown): Promise<never> {
    await this.return()
    throw error
  }
}
