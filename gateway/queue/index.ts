/**
 * Queues requests while the peers have no free slots, within their deadline, instead of refusing them.
 *
 * @example
 * import { systemClock } from '../../timing/index.ts'
 * import type { GatewayClient } from '../gateway-client.ts'
 *
 * function queued(plain: GatewayClient, slots: (model: string) => number): GatewayClient {
 *   const queue = new RequestQueue({ maxQueued: 1_024, maxQueuedPerKey: 256, slots, clock: systemClock })
 *   return queuedClient(plain, queue, systemClock)
 * }
 *
 * @packageDocumentation
 */
export { type QueuedOptions, queuedClient } from './queued-client.ts'
export {
  RequestQueue,
  type RequestQueueInit,
  type Turn,
} from './request-queue.ts'
