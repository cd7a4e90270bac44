import { concat } from 'uint8arrays/concat'
import {
  decodeClientFrame,
  type FrameReader,
  type Head,
  InferenceError,
  LIMITS,
  type ReadFramesInit,
} from '../../protocol/index.ts'
import type { SignalRace } from '../../timing/index.ts'

/** The head and a body cut into pieces of a kilobyte on average. Smaller frames only cost CPU. */
const MAX_UPLOAD_FRAMES = 1 + LIMITS.maxRequestBytes / 1_024
/** Protobuf's tags and lengths around the bytes of a body frame, and its attempt's id. */
const FRAME_OVERHEAD_BYTES = 40

/** Bounds on one request. `onBytes` is called with the bytes that arrived, before they are kept; it may throw. */
export function uploadBounds(onBytes: (bytes: number) => void): ReadFramesInit {
  return {
    maxFrames: MAX_UPLOAD_FRAMES,
    maxTotalBytes:
      LIMITS.maxFrameBytes + LIMITS.maxRequestBytes + MAX_UPLOAD_FRAMES * FRAME_OVERHEAD_BYTES,
    onBytes,
  }
}

export interface UploadInit {
  /** Bounded by {@link uploadBounds}. */
  readonly reader: FrameReader
  /** Ends the upload. */
  readonly race: Pick<SignalRace, 'throwIfAborted' | 'wait'>
  /** Whether the stream is kept: the number of bytes announced ends a body, and not a half-close. */
  readonly isKept: boolean
}

/** Reads one request in order: head, then body. Memory grows with the bytes that arrive, never with the announced size. */
export class Upload {
  readonly #init: UploadInit
  #head: Promise<Head> | undefined

  constructor(init: UploadInit) {
    this.#init = init
  }

  /** @throws InferenceError `malformed`, `truncated`, `stream_reset`, or the signal's reason. */
  head(): Promise<Head> {
    this.#head ??= this.#readHead()
    return this.#head
  }

  async #readHead(): Promise<Head> {
    const bytes = await this.#next()
    if (bytes === undefined) throw new InferenceError('truncated', 'no head')
    const { type, ...head } = expectFrame(bytes, 'head')
    return head
  }

  /**
   * @param onPiece called with each piece as it arrives; what it throws ends the upload
   * @throws InferenceError like {@link head}, also for more or fewer bytes than announced.
   */
  async body(
    { bodyBytes, attemptId }: Head,
    onPiece: (piece: Uint8Array) => void,
  ): Promise<Uint8Array> {
    const { isKept } = this.#init
    const id = isKept ? attemptId : undefined
    const parts: Uint8Array[] = []
    let received = 0
    while (!isKept || received < bodyBytes) {
      const bytes = await this.#next()
      if (bytes === undefined) break
      const { data } = expectFrame(bytes, 'body', id)
      received += data.byteLength
      if (received > bodyBytes) {
        throw new InferenceError(
          'malformed',
          `the body is longer than the ${bodyBytes} bytes announced`,
        )
      }
      onPiece(data)
      parts.push(data)
    }
    if (received < bodyBytes) {
      throw new InferenceError(
        'truncated',
        `the body ended after ${received} of ${bodyBytes} bytes`,
      )
    }
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : concat(parts, bodyBytes)
  }

  /** Without a wait if the frame is there: a short request comes whole, head and body in one packet. */
  #next(): Uint8Array | Promise<Uint8Array | undefined> {
    const { race, reader } = this.#init
    race.throwIfAborted()
    // After an abort the pending read settles when the handler closes the stream.
    return reader.take() ?? race.wait(reader.next())
  }
}

function expectFrame<T extends 'head' | 'body'>(
  bytes: Uint8Array,
  type: T,
  attemptId?: Uint8Array,
): Extract<ReturnType<typeof decodeClientFrame>, { type: T }> {
  const frame = decodeClientFrame(bytes, attemptId)
  if (frame.type !== type) {
    throw new InferenceError('malformed', `a ${frame.type} frame where the ${type} belongs`)
  }
  return frame as Extract<typeof frame, { type: T }>
}
