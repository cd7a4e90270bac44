/** Timers beyond this fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Messages from many writers to one reader, in the order of their coming. */
export class Mailbox<T> {
  readonly #messages: T[] = []
  #wake: (() => void) | undefined

  put(message: T): void {
    this.#messages.push(message)
    this.#wake?.()
  }

  take(): T | undefined {
    return this.#messages.shift()
  }

  /** Resolves when a message is there, the time is over (or 24 days are), or the signal fires; `take` tells which. */
  async wait(untilMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (this.#messages.length > 0 || signal.aborted) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    signal.addEventListener('abort', resolve as () => void, { once: true })
    if (untilMs !== undefined) {
      const leftMs = Math.max(0, untilMs - performance.now())
      timer = setTimeout(resolve, Math.min(MAX_TIMER_MS, leftMs))
    }
    try {
      await promise
    } finally {
      this.#wake = undefined
      clearTimeout(timer)
      signal.removeEventListener('abort', resolve as () => void)
    }
  }
}
