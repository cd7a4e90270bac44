import type { Client } from '../client/index.ts'
/** What the gateway needs of a client. */
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
>
