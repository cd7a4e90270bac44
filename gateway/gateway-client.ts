import type { Client } from '../client/index.ts'
/** What the gateway needs of a client. One that does not know its peers' slots is asked without a bound. */
export type GatewayClient = Pick<
  Client,
  | 'batch'
  | 'chat'
  | 'complete'
  | 'embed'
  | 'models'
  | 'names'
  | 'observe'
  | 'stats'
  | 'unusedFields'
> &
  Partial<Pick<Client, 'slots'>>
