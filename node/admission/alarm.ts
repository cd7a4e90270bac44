import { type Clock, systemClock } from '../../timing/index.ts'

export interface AlarmInit {
  readonly ring: () => void
  /** @default the machine's */
  readonly after?: Clock['after'] | undefined
}

/** One wake-up, which does not keep the process alive. */
export class Alarm {
  readonly #ring: () => void
  readonly #after: Clock['after']
  #set: { readonly atMs: number; readonly timer: Disposable } | undefined

  constructor({ ring, after = systemClock.after }: AlarmInit) {
    this.#ring = ring
    this.#after = after
  }

  /** Replaces the wake-up. @param atMs infinite for none */
  set(atMs: number, nowMs: number): void {
    if (this.#set?.atMs === atMs) return
    this.#set?.timer[Symbol.dispose]()
    this.#set = undefined
    if (atMs === Number.POSITIVE_INFINITY) return
    const ring = (): void => {
      this.#set = undefined
      this.#ring()
    }
    this.#set = { atMs, timer: this.#after(atMs - nowMs, ring, { background: true }) }
  }
}
