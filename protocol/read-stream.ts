import { type Stream, StreamResetError } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/** Bytes buffered for the consumer before the sender is paused. */
const HIGH_WATER_BYTES = 256 * 1024

/**
 * The bytes of a stream, pulled: a slow consumer pauses the stream instead of filling memory.
 * Ends on the remote's half-close; throws the stream's error after a reset or an abort.
 */
export async function* readStream(
  stream: Stream,
): AsyncGenerator<Uint8Array | Uint8ArrayList, void, void> {
  const queue: (Uint8Array | Uint8ArrayList)[] = []
  let queuedBytes = 0
  let closeError: Error | undefined
  let wake: () => void = () => {}

  const onMessage = (event: { data: Uint8Array | Uint8ArrayList }): void => {
    queue.push(event.data)
    queuedBytes += event.data.byteLength
    if (queuedBytes > HIGH_WATER_BYTES && stream.readStatus === 'readable') stream.pause()
    wake()
  }
  const onEnd = (): void => wake()
  const onClose = (event: { error?: Error }): void => {
    closeError = event.error
    wake()
  }
  stream.addEventListener('message', onMessage)
  stream.addEventListener('end', onEnd)
  stream.addEventListener('close', onClose)
  try {
    for (;;) {
      for (let data = queue.shift(); data !== undefined; data = queue.shift()) {
        queuedBytes -= data.byteLength
        yield data
      }
      if (stream.readStatus === 'paused') stream.resume()
      if (queue.length > 0) continue
      if (stream.readBufferLength === 0) {
        if (stream.status === 'reset' || stream.status === 'aborted') {
          throw closeError ?? new StreamResetError()
        }
        if (stream.readableEnded || stream.status === 'closed') return
      }
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      // Bytes that arrived before the listener are dispatched in a microtask; no later event is guaranteed.
      if (stream.readBufferLength > 0) setImmediate(wake)
      await woken
    }
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('end', onEnd)
    stream.removeEventListener('close', onClose)
  }
}
