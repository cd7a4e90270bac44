import { type AbortOptions, type Stream, StreamResetError } from '@libp2p/interface'
import { allocUnsafe } from 'uint8arrays/alloc'
import { InferenceError } from './errors.ts'
import { varintBytes, writeVarint } from './varint.ts'

/** Bytes that wait for the end of the turn before a writer has to wait, too. */
const MAX_PENDING_BYTES = 64 * 1024

/** Writes frames; those written in one turn of the event loop are sent as one message (Noise works per message). */
export class FrameWriter {
  readonly #stream: Stream
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  /** Settles with the pending frames, if there is a wait for them. */
  #flushed: PromiseWithResolvers<void> | undefined
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
    this.#queue(frame)
    return true
  }

  /**
   * Settles once the muxer has taken the frame, which is delayed while the reader is slow.
   *
   * @throws InferenceError `stream_reset` if the stream closed first; the signal's reason if it fired first.
   */
  async write(frame: Uint8Array, options: AbortOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#queue(frame)
    await abortable(this.#whenFlushed(), options.signal)
  }

  /**
   * Sends what is queued now, instead of at the end of the turn.
   *
   * @throws InferenceError `stream_reset` if the stream has closed
   */
  flush(): void {
    if (this.#pending.length === 0) return
    const bytes = framed(this.#pending, this.#pendingBytes)
    const flushed = this.#flushed
    this.#pending = []
    this.#pendingBytes = 0
    this.#flushed = undefined
    try {
      if (this.#stream.send(bytes)) flushed?.resolve()
      else this.#drain(flushed)
    } catch (cause) {
      const error = closedMeanwhile(cause)
      flushed?.reject(error)
      throw error
    }
  }

  /** Half-closes once everything is written. */
  async close(options: AbortOptions = {}): Promise<void> {
    if (this.#pending.length > 0) await this.#whenFlushed()
    await this.#stream.close(options)
  }

  #queue(frame: Uint8Array): void {
    if (this.#pending.push(frame) === 1) setImmediate(this.#onTurnEnd)
    this.#pendingBytes += varintBytes(frame.byteLength) + frame.byteLength
  }

  readonly #onTurnEnd = (): void => {
    try {
      this.flush()
    } catch {
      // Those who wait for the frames have the error.
    }
  }

  #whenFlushed(): Promise<void> {
    if (this.#flushed === undefined) {
      this.#flushed = Promise.withResolvers()
      this.#flushed.promise.catch(() => {})
    }
    return this.#flushed.promise
  }

  #drain(flushed: PromiseWithResolvers<void> | undefined): void {
    this.#isDraining = true
    const end = (settle?: () => void): void => {
      this.#isDraining = false
      settle?.()
    }
    drained(this.#stream).then(
      () => end(flushed?.resolve),
      (cause: unknown) => end(() => flushed?.reject(closedMeanwhile(cause))),
    )
  }
}

/** Frames with their length prefixes. */
function framed(frames: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = allocUnsafe(size)
  let at = 0
  for (const frame of frames) {
    at = writeVarint(bytes, at, frame.byteLength)
    bytes.set(frame, at)
    at += frame.byteLength
  }
  return bytes
}

function closedMeanwhile(cause: unknown): InferenceError {
  return new InferenceError('stream_reset', 'the stream closed while writing', { cause })
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
