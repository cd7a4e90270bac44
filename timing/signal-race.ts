/**
 * Waits of one piece of work, one at a time, that all end when its signal fires. One listener serves them all: adding
 * one for each wait costs more than most waits.
 */
export class SignalRace implements Disposable {
  readonly #signal: AbortSignal
  #reject: ((reason: unknown) => void) | undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** @throws the signal's reason if it has fired */
  throwIfAborted(): void {
    this.#signal.throwIfAborted()
  }

  /** Settles like the promise. @throws the signal's reason as soon as it fires */
  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject
      promise.then(resolve, reject)
      if (this.#signal.aborted) this.#onAbort()
    })
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => this.#reject?.(this.#signal.reason)
}
