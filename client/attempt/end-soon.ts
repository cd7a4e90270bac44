import type { Stream } from '@libp2p/interface'

/** A peer that has said its last has this long to close its half. */
const LINGER_MS = 2_000

/** Lets the peer close its half, which costs nothing; a stream that is still open then is reset. */
export function endSoon(stream: Stream): void {
  if (stream.status !== 'open') return
  const timer = setTimeout(() => stream.abort(new Error('not closed in time')), LINGER_MS)
  timer.unref()
  stream.addEventListener('close', () => clearTimeout(timer), { once: true })
}
