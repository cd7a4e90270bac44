import { LIMITS } from '../protocol/index.ts'

/** Limits that an operator may change. All are finite. */
export interface NodeLimits {
  /** Requests that wait for a slot. @default twice the slots, 8 at least */
  readonly maxQueue?: number
  /**
   * Streams that one peer may have open: uploading, waiting and running together.
   * @default twice what slots and queue hold, so that a lone client can use them all; the queue's turns let other
   * clients in all the same
   */
  readonly maxStreamsPerPeer?: number
  /** Streams that one peer may open a second, over time. Far above what an engine can do, far below a flood. @default 200 */
  readonly requestsPerSecondPerPeer?: number
  /** Streams that one peer may open at once after a pause. @default 1000 */
  readonly requestBurstPerPeer?: number
  /** Bytes of requests in memory, over all peers. @default 268435456 */
  readonly maxMemoryBytes?: number
  /** Time for an upload, whatever its size. An honest upload takes milliseconds. @default 10000 */
  readonly uploadTimeoutMs?: number
  /** A large upload gets more time: a second for so many bytes. @default 65536 */
  readonly uploadBytesPerSecond?: number
  /** Interval of keep-alive frames before the first token. @default 1000 */
  readonly keepAliveMs?: number
  /** A client that reads nothing for this long loses its slot. @default 30000 */
  readonly writeStallMs?: number
  /** After a failure that came before the upload was over, the client gets this long to read it. @default 2000 */
  readonly lingerMs?: number
  /** An engine that does not stop within this time counts as stopped. @default 10000 */
  readonly engineStopMs?: number
  /** Time for the engine to load before the node gives up starting. @default 600000 */
  readonly loadTimeoutMs?: number
  /** Time that running requests get at a drain. @default 60000 */
  readonly drainTimeoutMs?: number
}

/** Limits that do not depend on the engine. */
export type ResolvedLimits = Required<Omit<NodeLimits, 'maxQueue' | 'maxStreamsPerPeer'>> & {
  readonly maxQueue: number
  readonly maxStreamsPerPeer: number
}

export function defaultQueue(slots: number): number {
  return Math.max(8, 2 * slots)
}

/** Fills in the defaults. */
export function resolveLimits(limits: NodeLimits, slots: number): ResolvedLimits {
  const maxQueue = limits.maxQueue ?? defaultQueue(slots)
  return {
    maxQueue,
    maxStreamsPerPeer: limits.maxStreamsPerPeer ?? 2 * (slots + maxQueue),
    requestsPerSecondPerPeer: limits.requestsPerSecondPerPeer ?? 200,
    requestBurstPerPeer: limits.requestBurstPerPeer ?? 1_000,
    maxMemoryBytes: Math.max(limits.maxMemoryBytes ?? 268_435_456, LIMITS.maxFrameBytes),
    uploadTimeoutMs: limits.uploadTimeoutMs ?? 10_000,
    uploadBytesPerSecond: limits.uploadBytesPerSecond ?? 65_536,
    keepAliveMs: limits.keepAliveMs ?? 1_000,
    writeStallMs: limits.writeStallMs ?? 30_000,
    lingerMs: limits.lingerMs ?? 2_000,
    engineStopMs: limits.engineStopMs ?? 10_000,
    loadTimeoutMs: limits.loadTimeoutMs ?? 600_000,
    drainTimeoutMs: limits.drainTimeoutMs ?? 60_000,
  }
}
