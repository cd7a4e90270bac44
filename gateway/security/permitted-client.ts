import type { RequestOptions } from '../../client/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import type { NamedModels } from '../named-models.ts'
import type { KeyRing } from './key-ring.ts'

/** The same client for callers whose keys may not use every model, peer or provider. Batches check their lines themselves. */
export function permittedClient(
  client: GatewayClient,
  keys: Pick<KeyRing, 'checkModels' | 'within'>,
): GatewayClient {
  const allowed = (request: NamedModels, options: RequestOptions = {}): RequestOptions => {
    const { caller = '' } = options as { readonly caller?: string }
    keys.checkModels(caller, request)
    return keys.within(caller, options)
  }
  return {
    ...client,
    chat: ((request: object, options: RequestOptions) =>
      client.chat(request as never, allowed(request, options))) as GatewayClient['chat'],
    complete: ((request: object, options: RequestOptions) =>
      client.complete(request as never, allowed(request, options))) as GatewayClient['complete'],
    embed: async (request, options) => await client.embed(request, allowed(request, options)),
  }
}
