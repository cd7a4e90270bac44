/**
 * Queues requests while the peers have no free slots, within their deadline, instead of refusing them.
 *
 * @example
 * const queue = new RequestQueue({ maxQueued: 1_024, maxQueuedPerKey: 256, slots, clock: systemClock })
 * const client = queuedClient(plain, queue, systemClock)
 *
 * @packageDocumentation
 */
export { type QueuedOptions, queuedClient } from './queued-client.ts'
export {
  type EnterOptions,
  RequestQueue,
  type RequestQueueInit,
  type Turn,
} from './request-queue.ts'
