import { type Clock, systemClock } from './clock.ts'

/**
 * Messages from many writers to one reader, first in, first out. A wait costs no timer and no listener of its own: both
 * stay until they are due, or the mailbox is disposed of.
 */
export class Mailbox<T> implements Disposable {
  readonly #clock: Clock
  readonly #messages: T[] = []
  #wake: (() => void) | undefined
  #signal: AbortSignal | undefined
  #timer: Disposable | undefined
  #timerAtMs: number = Number.POSITIVE_INFINITY

  /** @param clock for the deadlines of `wait`. @default the machine's */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  put(message: T): void {
    this.#messages.push(message)
    this.#onDue()
  }

  take(): T | undefined {
    return this.#messages.shift()
  }

  /**
   * Resolves when a message arrives, at `untilMs` of the clock, or when the signal fires. May resolve early: the caller
   * checks all three.
   */
  wait(untilMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (this.#messages.length > 0 || signal.aborted) return Promise.resolve()
    this.#listenTo(signal)
    this.#armFor(untilMs ?? Number.POSITIVE_INFINITY)
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#signal?.removeEventListener('abort', this.#onDue)
    this.#signal = undefined
  }

  #listenTo(signal: AbortSignal): void {
    if (signal === this.#signal) return
    this.#signal?.removeEventListener('abort', this.#onDue)
    this.#signal = signal
    signal.addEventListener('abort', this.#onDue)
  }

  /** An armed timer that fires too early wakes the reader once more than needed; setting it anew each time would cost more. */
  #armFor(untilMs: number): void {
    if (untilMs === Number.POSITIVE_INFINITY) return
    if (this.#timer !== undefined && this.#timerAtMs <= untilMs) return
    this.#timer?.[Symbol.dispose]()
    this.#timerAtMs = untilMs
    this.#timer = this.#clock.after(Math.max(0, untilMs - this.#clock.now()), () => {
      this.#timer = undefined
      this.#onDue()
    })
  }

  readonly #onDue = (): void => {
    this.#wake?.()
    this.#wake = undefined
  }
}
