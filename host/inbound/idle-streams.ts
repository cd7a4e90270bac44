import type { Connection, Stream } from '@libp2p/interface'
import { PROTOCOLS } from '../../protocol/index.ts'

const since = new WeakMap<Stream, number>()
/** Streams that have carried an exchange to its end. */
const carried = new WeakSet<Stream>()

/** Notes since when a kept stream waits for its next use, or that it is in use again. */
export function setIdle(stream: Stream, atMs: number | undefined): void {
  if (atMs === undefined) since.delete(stream)
  else {
    since.set(stream, atMs)
    carried.add(stream)
  }
}

/** Whether an answer was carried to its end by a kept stream that is open on it. */
export function hasCarried({ streams }: Pick<Connection, 'streams'>): boolean {
  return streams.some((stream) => carried.has(stream))
}

/** Whether a stream of a Skein protocol is open on it that does not wait for its next use. */
export function isInUse({ streams }: Pick<Connection, 'streams'>): boolean {
  return streams.some((stream) => isWork(stream.protocol) && !since.has(stream))
}

/** When the last of its kept streams began to wait for its next use; 0 if none does. */
export function lastIdleMs({ streams }: Pick<Connection, 'streams'>): number {
  return Math.max(0, ...streams.map((stream) => since.get(stream) ?? 0))
}

/** DHT streams do not count as use: every peer opens them. */
function isWork(protocol: string): boolean {
  return protocol.startsWith('/skein/') && protocol !== PROTOCOLS.kad
}
