import type { Stream } from '@libp2p/interface'
import { InferenceError } from '../protocol/index.ts'
import { type Clock, systemClock } from './clock.ts'

/**
 * Resolves when the stream is closed on both sides, which is the cheapest end. Resets a stream that is still open after
 * that time, so that the promise always resolves.
 */
export function closedWithin(
  stream: Stream,
  ms: number,
  clock: Clock = systemClock,
): Promise<void> {
  if (['closed', 'reset', 'aborted'].includes(stream.status)) return Promise.resolve()
  return new Promise((resolve) => {
    const giveUp = (): void =>
      stream.abort(new InferenceError('stalled', 'the peer did not close the stream'))
    const late = clock.after(ms, giveUp, { background: true })
    const onClose = (): void => {
      late[Symbol.dispose]()
      resolve()
    }
    stream.addEventListener('close', onClose, { once: true })
  })
}
