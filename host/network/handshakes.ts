/** Outbound connections whose TCP is connected, and whose encryption is being agreed on: the other end has answered. */
export class Handshakes {
  readonly #open = new Set<Promise<unknown>>()

  get areOpen(): boolean {
    return this.#open.size > 0
  }

  /** Counts this one until it ends. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    const handshake = run()
    this.#open.add(handshake)
    try {
      return await handshake
    } finally {
      this.#open.delete(handshake)
    }
  }

  /** Resolves once none is open. Never rejects. */
  async ended(): Promise<void> {
    while (this.areOpen) await Promise.allSettled(this.#open)
  }
}
