import type { Client } from '../client/index.ts'
/** The part of a client that the gateway needs. Without `slots` concurrency is not limited. */
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
