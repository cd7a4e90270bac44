import { type Clock, systemClock } from './clock.ts'

/** Calls `run` once it has not been touched for `ms`. Touching it starts no timer. */
export class IdleTimer implements Disposable {
  readonly #ms: number
  readonly #run: () => void
  readonly #clock: Clock
  #touchedAt: number
  #timer: Disposable

  constructor(ms: number, run: () => void, clock: Clock = systemClock) {
    this.#ms = ms
    this.#run = run
    this.#clock = clock
    this.#touchedAt = clock.now()
    this.#timer = clock.after(ms, () => this.#check())
  }

  touch(): void {
    this.#touchedAt = this.#clock.now()
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
  }

  #check(): void {
    const leftMs = this.#touchedAt + this.#ms - this.#clock.now()
    if (leftMs > 0) this.#timer = this.#clock.after(leftMs, () => this.#check())
    else this.#run()
  }
}
