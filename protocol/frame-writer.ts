import { type AbortOptions, type Stream, StreamResetError } from '@libp2p/interface'
import { concat } from 'uint8arrays/concat'
import { InferenceError } from './errors.ts'
import { varintBytes, writeVarint } from './varint.ts'

/** Bytes that wait for the end of the turn before a writer has to wait, too. */
const MAX_PENDING_BYTES = 64 * 1024

/** Writes frames; those written in one turn of the event loop are sent as one message (Noise works per message). */
export class FrameWriter {
  readonly #stream: Stream
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #flushed: Promise<void> | undefined
  #isDraining: boolean = false

  constructor(stream: Stream) {
    this.#stream = stream
  }

  /**
   * Queues a frame if there is room for it now. A stream that closes meanwhile drops it: who must know uses
   * {@link write}.
   *
   * @returns false if the frame was not queued
   */
  offer(frame: Uint8Array): boolean {
    const isFull = this.#isDraining || this.#pendingBytes > MAX_PENDING_BYTES
    if (isFull || this.#stream.writeStatus !== 'writable') return false
    void this.#queue(frame)
    return true
  }

  /**
   * Settles once the muxer has taken the frame, which is delayed while the reader is slow.
   *
   * @throws InferenceError `stream_reset` if the stream closed first; the signal's reason if it fired first.
   */
  async write(frame: Uint8Array, options: AbortOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    await abortable(this.#queue(frame), options.signal)
  }

  /** Half-closes once everything is written. */
  async close(options: AbortOptions = {}): Promise<void> {
    await this.#flushed
    await this.#stream.close(options)
  }

  #queue(frame: Uint8Array): Promise<void> {
    const prefix = lengthPrefix(frame.byteLength)
    this.#pending.push(prefix, frame)
    this.#pendingBytes += prefix.byteLength + frame.byteLength
    if (this.#flushed === undefined) {
      this.#flushed = new Promise<void>((resolve) => setImmediate(resolve)).then(() =>
        this.#flush(),
      )
      // Those who wait for the frame get the error.
      this.#flushed.catch(() => {})
    }
    return this.#flushed
  }

  async #flush(): Promise<void> {
    this.#flushed = undefined
    const bytes = concat(this.#pending, this.#pendingBytes)
    this.#pending = []
    this.#pendingBytes = 0
    try {
      if (this.#stream.send(bytes)) return
      this.#isDraining = true
      await drained(this.#stream)
    } catch (cause) {
      throw new InferenceError('stream_reset', 'the stream closed while writing', { cause })
    } finally {
      this.#isDraining = false
    }
  }
}

function lengthPrefix(length: number): Uint8Array {
  const bytes = new Uint8Array(varintBytes(length))
  writeVarint(bytes, 0, length)
  return bytes
}

/**
 * Settles once the stream has given the muxer all it was sent. `stream.onDrain()` resolves at once from its second call
 * on (libp2p 3.3), so events are used. The muxer dispatches `drain` on all its streams, also on those that the peer's
 * window holds up; a microtask later the stream has tried to send what it kept.
 */
function drained(stream: Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDrain = (): void => queueMicrotask(settleIfEmpty)
    const settleIfEmpty = (): void => {
      if (stream.writableNeedsDrain || stream.writeBufferLength > 0) return
      stop()
      resolve()
    }
    const onClose = ({ error }: { readonly error?: Error }): void => {
      stop()
      reject(error ?? new StreamResetError())
    }
    const stop = (): void => {
      stream.removeEventListener('drain', onDrain)
      stream.removeEventListener('close', onClose)
    }
    if (stream.status !== 'open') {
      reject(new StreamResetError())
      return
    }
    stream.addEventListener('drain', onDrain)
    stream.addEventListener('close', onClose)
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
