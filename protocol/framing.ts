import { type AbortOptions, type Stream, StreamResetError } from '@libp2p/interface'
import * as lengthPrefixed from 'it-length-prefixed'
import { pipe } from 'it-pipe'
import { concat } from 'uint8arrays/concat'
import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { readStream } from './read-stream.ts'

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
 * Length-prefixed frames of a stream, as they come, with backpressure. Memory is bounded by one frame.
 *
 * @throws InferenceError `malformed` for a bad length, too many or too large frames; `truncated` for an
 *   end inside a frame; `stream_reset` after a reset, or the InferenceError the stream was aborted with.
 */
export async function* readFrames(
  stream: Stream,
  init: ReadFramesInit,
): AsyncGenerator<Uint8Array, void, void> {
  const maxDataLength = init.maxFrameBytes ?? LIMITS.maxFrameBytes
  let frames = 0
  let totalBytes = 0
  try {
    const source = pipe(counted(readStream(stream), init.onBytes), (bytes) =>
      lengthPrefixed.decode(bytes, { maxDataLength }),
    )
    for await (const frame of source) {
      frames += 1
      totalBytes += frame.byteLength
      if (frames > init.maxFrames || totalBytes > init.maxTotalBytes) {
        throw new InferenceError('malformed', 'the peer sent more than the protocol allows')
      }
      yield frame.subarray()
    }
  } catch (error) {
    throw readFailure(error)
  }
}

async function* counted<T extends { readonly byteLength: number }>(
  source: AsyncIterable<T>,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<T, void, void> {
  for await (const bytes of source) {
    onBytes(bytes.byteLength)
    yield bytes
  }
}

function readFailure(error: unknown): InferenceError {
  if (error instanceof InferenceError) return error
  switch (error instanceof Error ? error.name : '') {
    case 'UnexpectedEOFError':
      return new InferenceError('truncated', 'the stream ended inside a frame', { cause: error })
    case 'InvalidMessageLengthError':
    case 'InvalidDataLengthError':
    case 'InvalidDataLengthLengthError':
    case 'RangeError':
      return new InferenceError('malformed', 'bad frame length', { cause: error })
    default:
      return new InferenceError('stream_reset', 'the stream was reset', { cause: error })
  }
}

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
