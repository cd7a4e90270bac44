import type { Stream } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'

/**
 * The life of one attempt: its signal fires when the client resets or the connection is lost (`cancelled`), when the
 * deadline passes (`deadline_exceeded`), or when the node stops. `close` removes every timer and listener.
 */
export class AttemptScope {
  readonly #controller = new AbortController()
  readonly #stream: Stream
  readonly #nodeSignal: AbortSignal
  #timer: NodeJS.Timeout | undefined
  /** Whether the client is gone: nothing can be told any more. */
  clientGone: boolean = false

  constructor(stream: Stream, nodeSignal: AbortSignal) {
    this.#stream = stream
    this.#nodeSignal = nodeSignal
    stream.addEventListener('close', this.#onClose)
    nodeSignal.addEventListener('abort', this.#onNodeStop, { once: true })
    if (stream.status !== 'open') this.#onClose()
    if (nodeSignal.aborted) this.#onNodeStop()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Replaces the deadline. */
  expireIn(ms: number, message: string): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.fail(new InferenceError('deadline_exceeded', message))
    }, ms)
  }

  fail(reason: InferenceError): void {
    this.#controller.abort(reason)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#stream.removeEventListener('close', this.#onClose)
    this.#nodeSignal.removeEventListener('abort', this.#onNodeStop)
  }

  readonly #onClose = (): void => {
    this.clientGone = true
    this.fail(new InferenceError('cancelled', 'the client is gone'))
  }

  readonly #onNodeStop = (): void => {
    this.fail(InferenceError.from(this.#nodeSignal.reason, 'draining'))
  }
}
