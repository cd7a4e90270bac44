import type { Stream } from '@libp2p/interface'
import { type Clock, systemClock } from '../../timing/index.ts'

/** A peer that has said its last has this long to close its half. */
const LINGER_MS = 2_000

/** Lets the peer close its half, which costs nothing; a stream that is still open then is reset. */
export function endSoon(stream: Stream, clock: Clock = systemClock): void {
  if (stream.status !== 'open') return
  const giveUp = (): void => stream.abort(new Error('not closed in time'))
  const timer = clock.after(LINGER_MS, giveUp, { background: true })
  stream.addEventListener('close', () => timer[Symbol.dispose](), { once: true })
}
