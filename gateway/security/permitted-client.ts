import type { Answer, RequestOptions } from '../../client/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { visibleError } from '../visible-models.ts'
import { type Asked, wrappedClient } from '../wrapped-client.ts'
import type { KeyRing } from './key-ring.ts'

/** The same client for callers whose keys may not use every model, peer or provider. Batches check their lines themselves. */
export function permittedClient(
  client: GatewayClient,
  keys: Pick<KeyRing, 'checkModels' | 'rightsOf' | 'within'>,
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
    whole: async (asked, ask) => await checked(asked, ask).catch((error) => shown(asked, error)),
    streamed: (asked, ask) => beginning(checked(asked, ask), (error) => shown(asked, error)),
  })
}

/** The answer, with a failure before its first chunk passed to `onFailure`. A model that is missing fails nowhere else. */
function beginning<T>(answer: Answer<T>, onFailure: (error: unknown) => never): Answer<T> {
  return {
    get attempts() {
      return answer.attempts
    },
    get usage() {
      return answer.usage
    },
    get event() {
      return answer.event
    },
    [Symbol.asyncIterator]() {
      const chunks = answer[Symbol.asyncIterator]()
      let isFirst = true
      return {
        next() {
          if (!isFirst) return chunks.next()
          isFirst = false
          return chunks.next().catch(onFailure)
        },
        async return() {
          await chunks.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
