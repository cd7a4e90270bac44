import { raceSignal } from 'race-signal'
import { type Clock, systemClock } from './clock.ts'

/** Messages from many writers to one reader, first in, first out. */
export class Mailbox<T> {
  readonly #clock: Clock
  readonly #messages: T[] = []
  #wake: (() => void) | undefined

  /** @param clock for the deadlines of `wait`. @default the machine's */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  put(message: T): void {
    this.#messages.push(message)
    this.#wake?.()
  }

  take(): T | undefined {
    return this.#messages.shift()
  }

  /** Resolves when a message arrives, at `untilMs` of the clock, or when the signal fires. */
  async wait(untilMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (this.#messages.length > 0 || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const leftMs = Math.max(0, (untilMs ?? Number.POSITIVE_INFINITY) - this.#clock.now())
    using _timer =
      leftMs === Number.POSITIVE_INFINITY ? undefined : this.#clock.after(leftMs, resolve)
    try {
      await raceSignal(promise, signal)
    } catch {
      // The caller checks the signal.
    } finally {
      this.#wake = undefined
    }
  }
}
