import type { RequestOptions } from '../../client/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { type Asked, wrappedClient } from '../wrapped-client.ts'
import type { KeyRing } from './key-ring.ts'

/** The same client for callers whose keys may not use every model, peer or provider. Batches check their lines themselves. */
export function permittedClient(
  client: GatewayClient,
  keys: Pick<KeyRing, 'checkModels' | 'within'>,
): GatewayClient {
  const checked = <T>(
    { caller, request, options }: Asked,
    ask: (options: RequestOptions) => T,
  ): T => {
    keys.checkModels(caller, request)
    return ask(keys.within(caller, options))
  }
  return wrappedClient(client, { whole: checked, streamed: checked })
}
