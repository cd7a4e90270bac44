import type { Stream } from '@libp2p/interface'

const since = new WeakMap<Stream, number>()

/** Notes since when a kept stream waits for its next use, or that it is in use again. */
export function setIdle(stream: Stream, atMs: number | undefined): void {
  if (atMs === undefined) since.delete(stream)
  else since.set(stream, atMs)
}

/** Since when a stream waits for its next use; `undefined` if it is in use. */
export function idleSince(stream: Stream): number | undefined {
  return since.get(stream)
}
