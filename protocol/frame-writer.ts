import { type AbortOptions, type Stream, StreamResetError } from '@libp2p/interface'
import * as lengthPrefixed from 'it-length-prefixed'
import { concat } from 'uint8arrays/concat'
import { InferenceError } from './errors.ts'

/** Writes frames; those written in one turn of the event loop are sent as one message (Noise works per message). */
export class FrameWriter {
  readonly #stream: Stream
  #pending: Uint8Array[] = []
  #flushed: Promise<void> | undefined

  constructor(stream: Stream) {
    this.#stream = stream
  }

  /**
   * Settles once the muxer has taken the frame, which is delayed while the reader is slow.
   *
   * @throws InferenceError `stream_reset` if the stream closed first; the signal's reason if it fired first.
   */
  async write(frame: Uint8Array, options: AbortOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#pending.push(lengthPrefixed.encode.single(frame).subarray())
    this.#flushed ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() =>
      this.#flush(),
    )
    await abortable(this.#flushed, options.signal)
  }

  /** Half-closes once everything is written. */
  async close(options: AbortOptions = {}): Promise<void> {
    await this.#flushed
    await this.#stream.close(options)
  }

  async #flush(): Promise<void> {
    this.#flushed = undefined
    const frames = this.#pending
    this.#pending = []
    try {
      if (!this.#stream.send(concat(frames))) await drained(this.#stream)
    } catch (cause) {
      throw new InferenceError('stream_reset', 'the stream closed while writing', { cause })
    }
  }
}

/** `stream.onDrain()` resolves at once from its second call on (libp2p 3.3), so events are used. */
function drained(stream: Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (event: Event & { error?: Error }): void => {
      stream.removeEventListener('drain', settle)
      stream.removeEventListener('close', settle)
      if (event.type === 'drain') resolve()
      else reject(event.error ?? new StreamResetError())
    }
    if (stream.status !== 'open') {
      reject(new StreamResetError())
      return
    }
    stream.addEventListener('drain', settle)
    stream.addEventListener('close', settle)
  })
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
