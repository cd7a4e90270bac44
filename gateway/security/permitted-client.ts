import type { RequestOptions } from '../../client/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import type { NamedModels } from '../named-models.ts'
import type { KeyRing } from './key-ring.ts'

/** The same client for callers whose keys may not use every model. Batches check their lines themselves. */
export function permittedClient(
  client: GatewayClient,
  keys: Pick<KeyRing, 'checkModels'>,
): GatewayClient {
  const check = (request: NamedModels, options: RequestOptions = {}): void => {
    const { caller = '' } = options as { readonly caller?: string }
    keys.checkModels(caller, request)
  }
  return {
    ...client,
    chat: ((request: object, options: RequestOptions) => {
      check(request, options)
      return client.chat(request as never, options)
    }) as GatewayClient['chat'],
    complete: ((request: object, options: RequestOptions) => {
      check(request, options)
      return client.complete(request as never, options)
    }) as GatewayClient['complete'],
    embed: async (request, options) => {
      check(request, options)
      return await client.embed(request, options)
    },
  }
}
