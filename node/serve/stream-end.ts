import type { Stream } from '@libp2p/interface'

/** The end of a stream, for the attempt of the moment: one listener serves all attempts of a kept stream. */
export class StreamEnd implements Disposable {
  readonly #stream: Stream
  /** Called when the stream closes. */
  onClose: (() => void) | undefined

  constructor(stream: Stream) {
    this.#stream = stream
    stream.addEventListener('close', this.#tell)
  }

  /** Whether no frame can pass any longer. */
  get isOver(): boolean {
    return this.#stream.status !== 'open'
  }

  [Symbol.dispose](): void {
    this.#stream.removeEventListener('close', this.#tell)
  }

  readonly #tell = (): void => this.onClose?.()
}
