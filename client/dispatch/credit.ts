interface Waiting {
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Flow control: each grant allows a writer one more step, until it is stopped. */
export class Credit {
  #granted = 0
  #waiting: Waiting | undefined
  #stopped: { readonly reason: unknown } | undefined

  grant(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#granted += 1
    else waiting.resolve()
  }

  /** Ends the wait for a grant, and each later one, with this reason. */
  stop(reason: unknown): void {
    this.#stopped ??= { reason }
    this.#waiting?.reject(this.#stopped.reason)
    this.#waiting = undefined
  }

  /** Not to be called again while a call is pending. @throws the reason for which it was stopped */
  take(): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped.reason)
    if (this.#granted > 0) {
      this.#granted -= 1
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }
}
