import type { Stream } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'

/**
 * The life of one attempt: its signal fires when the client resets or the connection is lost (`cancelled`), when the
 * deadline passes (`deadline_exceeded`), or when the node stops. `close` removes every timer and listener.
 */
export class AttemptScope {
  readonly #controller = new AbortController()
  readonly #stream: Stream
  readonly #nodeSignal: AbortSignal
  readonly #clock: Clock
  #timer: Disposable | undefined
  /** Whether the client is gone, so that no frame can reach it. */
  clientGone: boolean = false

  constructor(stream: Stream, nodeSignal: AbortSignal, clock: Clock = systemClock) {
    this.#clock = clock
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
    this.#timer?.[Symbol.dispose]()
    this.#timer = this.#clock.after(ms, () =>
      this.fail(new InferenceError('deadline_exceeded', message)),
    )
  }

  fail(reason: InferenceError): void {
    this.#controller.abort(reason)
  }

  close(): void {
    this.#timer?.[Symbol.dispose]()
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
