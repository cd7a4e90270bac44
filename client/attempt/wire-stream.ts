import type { Stream } from '@libp2p/interface'
import { FrameReader, type ReadFramesInit } from '../../protocol/index.ts'
import type { Path } from './path.ts'

const NOTHING: ReadFramesInit = { maxFrames: 0, maxTotalBytes: 0 }

/** An open inference stream to a peer. */
export class WireStream {
  readonly stream: Stream
  readonly reader: FrameReader
  /** Absent: unknown, treated as direct. */
  readonly path: Path | undefined
  /** Whether one attempt after the other can use it. */
  readonly isKept: boolean
  /** Attempts so far. */
  attempts = 0
  #onEnd: (() => void) | undefined
  #isWatched: boolean = false

  constructor(stream: Stream, isKept: boolean, path: Path | undefined) {
    this.stream = stream
    this.isKept = isKept
    this.path = path
    this.reader = new FrameReader(stream, NOTHING)
  }

  /** Whether another attempt can begin: both sides are open, and the peer has said nothing out of turn. */
  get isUsable(): boolean {
    const { status, writeStatus, remoteWriteStatus, readBufferLength } = this.stream
    return (
      this.isKept &&
      status === 'open' &&
      writeStatus === 'writable' &&
      remoteWriteStatus === 'writable' &&
      // Bytes that came may wait in the stream, too, while it is paused.
      readBufferLength === 0 &&
      this.reader.keptBytes === 0
    )
  }

  /** Calls `onEnd` if the stream ends, or the peer's side of it, until the next call of this. */
  watchEnd(onEnd: (() => void) | undefined): void {
    this.#onEnd = onEnd
    if (this.#isWatched) return
    this.#isWatched = true
    // They stay for as long as the stream does: it is watched between each two attempts.
    const act = (): void => this.#onEnd?.()
    this.stream.addEventListener('close', act)
    this.stream.addEventListener('remoteCloseWrite', act)
  }
}
