/** Flow control: each grant allows a writer one more step. */
export class Credit {
  #waiting: (() => void) | undefined
  #granted = 0

  grant(): void {
    this.#granted += 1
    this.#waiting?.()
  }

  /** @throws the signal's reason */
  async take(signal: AbortSignal): Promise<void> {
    while (this.#granted === 0) {
      signal.throwIfAborted()
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting = resolve
      signal.addEventListener('abort', resolve as () => void, { once: true })
      await promise
      signal.removeEventListener('abort', resolve as () => void)
      this.#waiting = undefined
    }
    this.#granted -= 1
  }
}
