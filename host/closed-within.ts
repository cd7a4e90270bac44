import type { Stream } from '@libp2p/interface'
import { InferenceError } from '../protocol/index.ts'
import { systemClock } from '../timing/index.ts'

/** Resolves when the stream is closed on both sides. Resets the stream if that takes too long, so that the promise always resolves. */
export function closedWithin(stream: Stream, ms: number): Promise<void> {
  if (['closed', 'reset', 'aborted'].includes(stream.status)) return Promise.resolve()
  return new Promise((resolve) => {
    const giveUp = (): void =>
      stream.abort(new InferenceError('stalled', 'the peer did not close the stream'))
    const late = systemClock.after(ms, giveUp, { background: true })
    const onClose = (): void => {
      late[Symbol.dispose]()
      resolve()
    }
    stream.addEventListener('close', onClose, { once: true })
  })
}
