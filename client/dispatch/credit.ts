interface Waiting {
  readonly count: number
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Flow control: a writer goes on once it was granted as many steps as it took, until it is stopped. */
export class Credit {
  #granted = 0
  #waiting: Waiting | undefined
  #stopped: { readonly reason: unknown } | undefined

  grant(): void {
    this.#granted += 1
    const waiting = this.#waiting
    if (waiting === undefined || this.#granted < waiting.count) return
    this.#granted -= waiting.count
    this.#waiting = undefined
    waiting.resolve()
  }

  /** Ends the wait for a grant, and each later one, with this reason. */
  stop(reason: unknown): void {
    this.#stopped ??= { reason }
    this.#waiting?.reject(this.#stopped.reason)
    this.#waiting = undefined
  }

  /** Takes so many grants. Not to be called again while a call is pending. @throws the reason for which it was stopped */
  take(count: number): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped.reason)
    if (this.#granted >= count) {
      this.#granted -= count
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { count, resolve, reject }
    })
  }
}
