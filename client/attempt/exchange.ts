import {
  decodeNodeFrame,
  drawBytes,
  encodeClientFrame,
  FrameWriter,
  type Head,
  InferenceError,
  LIMITS,
  type NodeFrame,
} from '../../protocol/index.ts'
import type { AttemptInit } from './attempt-source.ts'
import { isUnsupported } from './open-stream.ts'
import type { WireStream } from './wire-stream.ts'

/** Frames of an attempt that is to be answered on a stream: the request out, the answer in. */
export class Exchange {
  /** Fresh for each attempt. */
  readonly attemptId: Uint8Array = drawBytes(16)
  readonly wire: WireStream
  readonly #init: AttemptInit
  readonly #sent: Promise<void>
  #isUploaded: boolean = false
  #frames = 0

  /**
   * Begins to send the request.
   *
   * @param onSent called when the peer took a part of the request
   */
  constructor(wire: WireStream, init: AttemptInit, onSent: () => void) {
    this.wire = wire
    this.#init = init
    wire.attempts += 1
    wire.reader.restart({
      maxFrames: LIMITS.maxResponseFrames,
      maxTotalBytes: LIMITS.maxResponseBytes,
      onBytes: this.#carried,
    })
    // A node may refuse before it has read the whole request, so sending and reading run concurrently. If sending
    // fails, reading fails too and gives the reason.
    this.#sent = this.#send(onSent).then(
      () => {
        this.#isUploaded = true
      },
      () => {},
    )
  }

  /**
   * The next frame of the answer.
   *
   * @throws InferenceError `malformed`, `truncated`, `stream_reset`, or the one that the stream was aborted with
   */
  async next(): Promise<NodeFrame> {
    const bytes = await this.wire.reader.next()
    if (bytes === undefined) {
      throw new InferenceError('truncated', 'the stream ended without its terminal frame')
    }
    return this.#decoded(bytes)
  }

  /** The next frame, if it has arrived. @throws InferenceError `malformed` */
  take(): NodeFrame | undefined {
    const bytes = this.wire.reader.take()
    return bytes && this.#decoded(bytes)
  }

  #decoded(bytes: Uint8Array): NodeFrame {
    const frame = decodeNodeFrame(bytes, this.wire.isKept ? this.attemptId : undefined)
    this.#frames += 1
    return frame
  }

  /**
   * Whether the attempt is to be made once more on a new stream, as over HTTP: nothing came back on a stream that had
   * carried others, as its node was about to end it, or on one whose protocol the peer advertised and does not speak.
   */
  isStale(error: unknown): boolean {
    if (this.wire.isKept && isUnsupported(error)) return true
    const isLost =
      InferenceError.is(error) && (error.code === 'stream_reset' || error.code === 'truncated')
    return isLost && this.wire.attempts > 1 && this.#frames === 0
  }

  abort(reason: Error): void {
    this.wire.stream.abort(reason)
  }

  /** Whether the request was sent to its end. */
  get isUploaded(): boolean {
    return this.#isUploaded
  }

  /** Resolves when nothing is being sent any longer. */
  async settled(): Promise<void> {
    await this.#sent
  }

  #head(): Head {
    const { kind, model, body } = this.#init.request
    const { attemptId } = this
    const { resume, trace } = this.#init
    const remainingMs = Math.floor(this.#init.remainingMs())
    return {
      attemptId,
      remainingMs: Math.max(1, Math.min(LIMITS.maxRemainingMs, remainingMs)),
      kind,
      model,
      bodyBytes: body.length,
      ...(resume !== undefined && { resume }),
      ...(trace !== undefined && { trace }),
    }
  }

  readonly #carried = (bytes: number): void => {
    if (this.wire.path !== undefined) this.#init.onCarried?.(this.wire.path, bytes)
  }

  async #send(onSent: () => void): Promise<void> {
    const { body } = this.#init.request
    const { attemptId, wire } = this
    const writer = new FrameWriter(wire.stream)
    const id = wire.isKept ? attemptId : undefined
    // The head, the first piece and the end leave as one message.
    let written = writer.write(encodeClientFrame({ type: 'head', ...this.#head() }))
    for (let at = 0; at < body.length; at += LIMITS.bodyFrameBytes) {
      const data = body.subarray(at, at + LIMITS.bodyFrameBytes)
      await Promise.all([written, writer.write(encodeClientFrame({ type: 'body', data }, id))])
      written = Promise.resolve()
      this.#carried(data.length)
      onSent()
    }
    if (!wire.isKept) await writer.close()
  }
}
