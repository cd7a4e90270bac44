import { InferenceError } from '../../protocol/index.ts'
import { type Clock, followSignal, SignalRace, systemClock } from '../../timing/index.ts'
import type { StreamEnd } from './stream-end.ts'

/**
 * The life of one attempt: its signal fires when the client resets or the connection is lost (`cancelled`), when the
 * deadline passes (`deadline_exceeded`), or when the node stops. `close` removes every timer and listener.
 */
export class AttemptScope {
  readonly #controller = new AbortController()
  /** The waits of the attempt, one at a time; each ends when the signal fires. */
  readonly race: SignalRace
  readonly #end: StreamEnd
  readonly #nodeStop: Disposable
  readonly #clock: Clock
  #deadline: { readonly atMs: number; readonly message: string } | undefined
  /** Fires at the deadline or before it: moving a deadline back starts no timer. */
  #timer: { readonly atMs: number; readonly timer: Disposable } | undefined
  /** Whether the client is gone, so that no frame can reach it. */
  clientGone: boolean = false

  constructor(end: StreamEnd, nodeSignal: AbortSignal, clock: Clock = systemClock) {
    this.#clock = clock
    this.#end = end
    this.race = new SignalRace(this.signal)
    end.onClose = this.#onClose
    if (end.isOver) this.#onClose()
    this.#nodeStop = followSignal(nodeSignal, (reason) =>
      this.fail(InferenceError.from(reason, 'draining')),
    )
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Replaces the deadline. */
  expireIn(ms: number, message: string): void {
    const atMs = this.#clock.now() + ms
    this.#deadline = { atMs, message }
    if (this.#timer === undefined || this.#timer.atMs > atMs) this.#wakeAt(atMs, ms)
  }

  fail(reason: InferenceError): void {
    this.#controller.abort(reason)
  }

  close(): void {
    this.#timer?.timer[Symbol.dispose]()
    this.#end.onClose = undefined
    this.#nodeStop[Symbol.dispose]()
    this.race[Symbol.dispose]()
  }

  #wakeAt(atMs: number, ms: number): void {
    this.#timer?.timer[Symbol.dispose]()
    this.#timer = { atMs, timer: this.#clock.after(ms, this.#onTimer) }
  }

  readonly #onTimer = (): void => {
    if (this.#deadline === undefined) return
    const { atMs, message } = this.#deadline
    const leftMs = atMs - this.#clock.now()
    if (leftMs > 0) this.#wakeAt(atMs, leftMs)
    else this.fail(new InferenceError('deadline_exceeded', message))
  }

  readonly #onClose = (): void => {
    this.clientGone = true
    this.fail(new InferenceError('cancelled', 'the client is gone'))
  }
}
