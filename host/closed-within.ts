import type { Stream } from '@libp2p/interface'
import { InferenceError } from '../protocol/index.ts'

/** Resolves when the stream is closed on both sides. Resets it when that takes too long, so that it always resolves. */
export function closedWithin(stream: Stream, ms: number): Promise<void> {
  if (['closed', 'reset', 'aborted'].includes(stream.status)) return Promise.resolve()
  return new Promise((resolve) => {
    const late = setTimeout(() => {
      stream.abort(new InferenceError('stalled', 'the other side does not close'))
    }, ms)
    late.unref()
    const onClose = (): void => {
      clearTimeout(late)
      resolve()
    }
    stream.addEventListener('close', onClose, { once: true })
  })
}
