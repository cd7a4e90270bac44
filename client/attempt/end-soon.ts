import type { Stream } from '@libp2p/interface'
import { type Clock, systemClock } from '../../timing/index.ts'

/** Time for a peer to close its half of the stream after its last frame. */
const LINGER_MS = 2_000

/** Waits for the peer to close its half, which is the cheapest end; resets a stream that is still open after that. */
export function endSoon(stream: Stream, clock: Clock = systemClock): void {
  if (stream.status !== 'open') return
  const giveUp = (): void => stream.abort(new Error('not closed in time'))
  const timer = clock.after(LINGER_MS, giveUp, { background: true })
  stream.addEventListener('close', () => timer[Symbol.dispose](), { once: true })
}
