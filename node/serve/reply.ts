import type { Stream } from '@libp2p/interface'
import {
  encodeNodeFrame,
  FrameWriter,
  InferenceError,
  type NodeFrame,
} from '../../protocol/index.ts'
import { type Clock, closedWithin, systemClock } from '../../timing/index.ts'
import { READ_WINDOW_MS, ReaderPatience } from './reader-patience.ts'

export interface ReplyInit {
  /** A client that reads nothing for this long counts as gone. */
  readonly writeStallMs: number
  /** Time for the client to take a failure, after what was sent before it, and to end an upload that was cut short. */
  readonly lingerMs: number
  /** Whether other peers want this one's slot. @default never */
  readonly isContended?: () => boolean
  /** Called when the client reads too slowly for that; may be called again. @default ignored */
  readonly onSlowReader?: () => void
  /** @default the machine's */
  readonly clock?: Clock
  /** Whether the stream outlives a `done`, and its frames name their attempt. @default false */
  readonly isKept?: boolean
}

/** Writer of one attempt: any number of frames, one terminal frame, and the end of a stream that is not kept. */
export class Reply {
  readonly #stream: Stream
  readonly #writer: FrameWriter
  readonly #init: ReplyInit
  readonly #clock: Clock
  /** Of a client that did not keep up at some time. */
  #patience: ReaderPatience | undefined
  #attemptId: Uint8Array | undefined
  #queuedBytes = 0

  constructor(stream: Stream, init: ReplyInit) {
    this.#stream = stream
    this.#writer = new FrameWriter(stream)
    this.#init = init
    this.#clock = init.clock ?? systemClock
  }

  /** On a kept stream, the attempt that the frames belong to. */
  answers(attemptId: Uint8Array): void {
    this.#attemptId = attemptId
  }

  encode(frame: NodeFrame): Uint8Array {
    return encodeNodeFrame(frame, this.#attemptId)
  }

  /** Queues a frame without a wait for the client. A failure to send it closes the stream. */
  post(frame: NodeFrame): void {
    const bytes = this.encode(frame)
    if (!this.offer(bytes)) this.sendBytes(bytes).catch(() => {})
  }

  /** Queues an encoded frame if the client reads fast enough. @returns false if it has to be sent with `sendBytes` */
  offer(frame: Uint8Array): boolean {
    const isQueued = this.#writer.offer(frame)
    if (isQueued) this.#queuedBytes += frame.byteLength
    return isQueued
  }

  /** Settles when the muxer has the frame; the stream is reset if that takes too long. */
  async sendBytes(frame: Uint8Array, stallMs: number = this.#init.writeStallMs): Promise<void> {
    const giveUp = (): void => this.#stall('the client reads nothing')
    using _timer = this.#clock.after(stallMs, giveUp)
    this.#queuedBytes += frame.byteLength
    const sentBytes = (): number => this.#queuedBytes - this.#stream.writeBufferLength
    this.#patience ??= new ReaderPatience({
      isContended: this.#init.isContended ?? (() => false),
      clock: this.#clock,
      onSpent: this.#init.onSlowReader ?? (() => {}),
    })
    await this.#patience.during(this.#writer.write(frame), sentBytes)
  }

  /**
   * Sends the terminal frame. Then the stream ends, with a reset if the client does not end its side in time; a kept
   * one goes on after `done`.
   */
  async finish(frame: NodeFrame & { readonly type: 'done' | 'failed' }): Promise<void> {
    const { writeStallMs, lingerMs, isKept = false } = this.#init
    if (isKept && this.#attemptId === undefined) return this.reset('no attempt began')
    if (isKept && frame.type === 'done') return this.#end(this.encode(frame))
    // The rest of the upload is discarded: unread, it would occupy memory that no budget counts.
    if (frame.type === 'failed') await this.#stream.closeRead()
    // The client may have stopped reading altogether, so the wait is short after a failure, unless there is so much to
    // read before it that a slow reader needs more.
    const failMs = lingerMs + (this.#stream.writeBufferLength > 0 ? READ_WINDOW_MS : 0)
    await this.sendBytes(this.encode(frame), frame.type === 'done' ? writeStallMs : failMs)
    const closed = closedWithin(this.#stream, lingerMs, this.#clock)
    // Rejects if the stream closes meanwhile, which is the event awaited here.
    await this.#writer.close().catch(() => {})
    await closed
  }

  /** Without a timer or a wait for a client that keeps up. */
  #end(frame: Uint8Array): Promise<void> | undefined {
    if (!this.offer(frame)) return this.sendBytes(frame)
    this.#writer.flush()
    return undefined
  }

  #stall(message: string): void {
    this.#stream.abort(new InferenceError('stalled', message))
  }

  reset(why: string): void {
    this.#stream.abort(new InferenceError('stream_reset', why))
  }
}
