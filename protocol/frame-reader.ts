import { type Stream, StreamResetError } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { ByteQueue } from './byte-queue.ts'
import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** Bytes kept for the consumer before the sender is paused. */
const HIGH_WATER_BYTES = 256 * 1024
/** Bytes of a length prefix: enough for any length that the limits allow. */
const MAX_PREFIX_BYTES = 8

/** Bounds on what is read from one stream. */
export interface ReadFramesInit {
  /** @default LIMITS.maxFrameBytes */
  readonly maxFrameBytes?: number
  /** Most frames before the read fails. */
  readonly maxFrames: number
  /** Most bytes of all frames before the read fails. */
  readonly maxTotalBytes: number
  /** Called with the bytes that arrived, framed or not, before they are kept. If it throws, reading ends. */
  readonly onBytes?: (bytes: number) => void
}

/**
 * Length-prefixed frames of a stream, one for each call of `next`. Bytes are kept as they arrive and parsed on demand:
 * a slow consumer pauses the stream instead of filling memory.
 */
export class FrameReader {
  readonly #stream: Stream
  readonly #kept = new ByteQueue()
  #bounds: ReadFramesInit
  #frames = 0
  #totalBytes = 0
  #closeError: Error | undefined
  #failure: InferenceError | undefined
  #wake: (() => void) | undefined

  constructor(stream: Stream, bounds: ReadFramesInit) {
    this.#stream = stream
    this.#bounds = bounds
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('end', this.#onEnd)
    stream.addEventListener('close', this.#onClose)
  }

  /** Sets new bounds, and counts from 0 again. Bytes that are kept already are not passed to `onBytes`. */
  restart(bounds: ReadFramesInit): void {
    this.#bounds = bounds
    this.#frames = 0
    this.#totalBytes = 0
  }

  /** Bytes that arrived and were not read. */
  get keptBytes(): number {
    return this.#kept.byteLength
  }

  /**
   * The next frame, if all of it has arrived.
   *
   * @throws InferenceError `malformed` as {@link next}
   */
  take(): Uint8Array | undefined {
    return this.#parse()
  }

  /**
   * The next frame; `undefined` at the remote's half-close. Not to be called again while a call is pending.
   *
   * @throws InferenceError `malformed` for a bad length, too many or too large frames; `truncated` for an end inside a
   *   frame; `stream_reset` after a reset, or the InferenceError the stream was aborted with
   */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const frame = this.#parse()
      if (frame !== undefined) return frame
      if (!(await this.#more())) {
        if (this.#kept.byteLength === 0) return undefined
        throw new InferenceError('truncated', 'the stream ended inside a frame')
      }
    }
  }

  /**
   * Waits for bytes without reading them.
   *
   * @returns false at the remote's half-close
   * @throws like {@link next}
   */
  async readable(): Promise<boolean> {
    while (this.#kept.byteLength === 0) if (!(await this.#more())) return false
    return true
  }

  /** Stops listening to the stream. */
  close(): void {
    this.#stream.removeEventListener('message', this.#onMessage)
    this.#stream.removeEventListener('end', this.#onEnd)
    this.#stream.removeEventListener('close', this.#onClose)
  }

  /** Waits until bytes arrive. @returns false if none will */
  async #more(): Promise<boolean> {
    const stream = this.#stream
    const before = this.#kept.byteLength
    if (stream.readStatus === 'paused') stream.resume()
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#kept.byteLength > before) return true
      if (stream.readBufferLength === 0) {
        if (stream.status === 'reset' || stream.status === 'aborted') {
          throw resetFailure(this.#closeError ?? new StreamResetError())
        }
        if (stream.readableEnded || stream.status === 'closed') return false
      }
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      // Bytes that arrived before the listener are dispatched in a microtask; no later event is guaranteed.
      if (stream.readBufferLength > 0) setImmediate(() => this.#wake?.())
      await woken
      this.#wake = undefined
    }
  }

  /** One frame of the bytes at hand, if there is a whole one. */
  #parse(): Uint8Array | undefined {
    const kept = this.#kept
    let length = 0
    let scale = 1
    for (let at = 0; ; at += 1) {
      if (at >= MAX_PREFIX_BYTES) throw badLength()
      const byte = kept.at(at)
      if (byte === undefined) return undefined
      length += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) {
        if (length > (this.#bounds.maxFrameBytes ?? LIMITS.maxFrameBytes)) throw badLength()
        if (kept.byteLength < at + 1 + length) return undefined
        this.#count(length)
        kept.skip(at + 1)
        return kept.take(length)
      }
    }
  }

  #count(length: number): void {
    this.#frames += 1
    this.#totalBytes += length
    const { maxFrames, maxTotalBytes } = this.#bounds
    if (this.#frames > maxFrames || this.#totalBytes > maxTotalBytes) {
      throw new InferenceError('malformed', 'the peer sent more than the protocol allows')
    }
  }

  readonly #onMessage = ({ data }: { readonly data: Uint8Array | Uint8ArrayList }): void => {
    if (this.#failure !== undefined) return
    try {
      this.#bounds.onBytes?.(data.byteLength)
      this.#kept.push(data instanceof Uint8Array ? data : data.subarray())
    } catch (error) {
      this.#failure = InferenceError.from(error, 'stream_reset')
    }
    // A consumer that waits needs more for its frame, however much there is.
    const isSlow = this.#wake === undefined && this.#kept.byteLength > HIGH_WATER_BYTES
    if (isSlow && this.#stream.readStatus === 'readable') this.#stream.pause()
    this.#wake?.()
  }

  readonly #onEnd = (): void => this.#wake?.()

  readonly #onClose = ({ error }: { readonly error?: Error }): void => {
    this.#closeError = error
    this.#wake?.()
  }
}

/** Frames of a stream, as {@link FrameReader} reads them. */
export async function* readFrames(
  stream: Stream,
  init: ReadFramesInit,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = new FrameReader(stream, init)
  try {
    for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
      yield frame
    }
  } finally {
    reader.close()
  }
}

function badLength(): InferenceError {
  return new InferenceError('malformed', 'bad frame length')
}

function resetFailure(error: Error): InferenceError {
  if (error instanceof InferenceError) return error
  return new InferenceError('stream_reset', 'the stream was reset', { cause: error })
}
