import type { Stream } from '@libp2p/interface'
import { closedWithin } from '../../host/index.ts'
import {
  encodeNodeFrame,
  FrameWriter,
  InferenceError,
  type NodeFrame,
} from '../../protocol/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'

export interface ReplyInit {
  /** A client that takes nothing for this long is gone. */
  readonly writeStallMs: number
  /** Time for the client to take a failure, and to end an upload that was cut short. */
  readonly lingerMs: number
}

/** What the node says on one inference stream: any number of frames, then one terminal frame, then the end. */
export class Reply {
  readonly #stream: Stream
  readonly #writer: FrameWriter
  readonly #init: ReplyInit
  readonly #clock: Clock

  constructor(stream: Stream, init: ReplyInit, clock: Clock = systemClock) {
    this.#stream = stream
    this.#writer = new FrameWriter(stream)
    this.#init = init
    this.#clock = clock
  }

  /** Settles when the muxer has the frame; the stream is reset if that takes too long. */
  async send(frame: NodeFrame): Promise<void> {
    await this.sendBytes(encodeNodeFrame(frame))
  }

  async sendBytes(frame: Uint8Array, stallMs: number = this.#init.writeStallMs): Promise<void> {
    using _stalled = this.#clock.after(stallMs, () =>
      this.#stream.abort(new InferenceError('stalled', 'the client reads nothing')),
    )
    await this.#writer.write(frame)
  }

  /** Sends the terminal frame and ends the stream, with a reset if the client does not end its side in time. */
  async finish(frame: NodeFrame & { readonly type: 'done' | 'failed' }): Promise<void> {
    // A failure may be due to the client not reading at all: it gets no long wait on top.
    const { writeStallMs, lingerMs } = this.#init
    // What is still uploaded is thrown away: unread, it would sit in memory that no budget counts.
    if (frame.type === 'failed') await this.#stream.closeRead()
    await this.sendBytes(encodeNodeFrame(frame), frame.type === 'done' ? writeStallMs : lingerMs)
    const closed = closedWithin(this.#stream, lingerMs)
    // Rejects when the stream closes meanwhile, which is what is waited for.
    await this.#writer.close().catch(() => {})
    await closed
  }

  reset(why: string): void {
    this.#stream.abort(new InferenceError('stream_reset', why))
  }
}
