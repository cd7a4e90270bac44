import type { Stream } from '@libp2p/interface'
import { concat } from 'uint8arrays/concat'
import {
  decodeClientFrame,
  type Head,
  InferenceError,
  LIMITS,
  readFrames,
} from '../../protocol/index.ts'
import { raceSignal } from '../../timing/index.ts'

/** The head and a body cut into pieces of a kilobyte on average. Smaller frames only cost CPU. */
const MAX_UPLOAD_FRAMES = 1 + LIMITS.maxRequestBytes / 1_024
/** Protobuf's tag and length around the bytes of a body frame. */
const FRAME_OVERHEAD_BYTES = 16

/** Reads one request in order: head, body, half-close. Memory grows with the bytes that arrive, never with the announced size. */
export class Upload {
  readonly #frames: AsyncIterator<Uint8Array, void>
  readonly #signal: AbortSignal

  /** @param onBytes is called with the bytes that arrived, before they are kept; it may throw */
  constructor(stream: Stream, signal: AbortSignal, onBytes: (bytes: number) => void) {
    this.#signal = signal
    this.#frames = readFrames(stream, {
      maxFrames: MAX_UPLOAD_FRAMES,
      maxTotalBytes:
        LIMITS.maxFrameBytes + LIMITS.maxRequestBytes + MAX_UPLOAD_FRAMES * FRAME_OVERHEAD_BYTES,
      onBytes,
    })
  }

  /** @throws InferenceError `malformed`, `truncated`, `stream_reset`, or the signal's reason. */
  async head(): Promise<Head> {
    const bytes = await this.#next()
    if (bytes === undefined) throw new InferenceError('truncated', 'no head')
    const { type, ...head } = expectFrame(bytes, 'head')
    return head
  }

  /** @throws InferenceError like {@link head}, also for more or fewer bytes than announced. */
  async body(bodyBytes: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    let received = 0
    for (let bytes = await this.#next(); bytes !== undefined; bytes = await this.#next()) {
      const { data } = expectFrame(bytes, 'body')
      received += data.byteLength
      if (received > bodyBytes) {
        throw new InferenceError(
          'malformed',
          `the body is longer than the ${bodyBytes} bytes announced`,
        )
      }
      parts.push(data)
    }
    if (received < bodyBytes) {
      throw new InferenceError(
        'truncated',
        `the body ended after ${received} of ${bodyBytes} bytes`,
      )
    }
    return concat(parts, bodyBytes)
  }

  async #next(): Promise<Uint8Array | undefined> {
    // After an abort the pending read settles when the handler closes the stream.
    const { done, value } = await raceSignal(this.#frames.next(), this.#signal)
    return done === true ? undefined : value
  }
}

function expectFrame<T extends 'head' | 'body'>(
  bytes: Uint8Array,
  type: T,
): Extract<ReturnType<typeof decodeClientFrame>, { type: T }> {
  const frame = decodeClientFrame(bytes)
  if (frame.type !== type) {
    throw new InferenceError('malformed', `a ${frame.type} frame where the ${type} belongs`)
  }
  return frame as Extract<typeof frame, { type: T }>
}
