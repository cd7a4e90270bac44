/** A queue from one producer to one consumer, in order. */
export class EventQueue<T> {
  readonly #items: T[] = []
  #failure: { readonly reason: unknown } | undefined
  #waiting: PromiseWithResolvers<T> | undefined

  push(item: T): void {
    if (this.#failure !== undefined) return
    if (this.#waiting === undefined) this.#items.push(item)
    else this.#settle((waiting) => waiting.resolve(item))
  }

  /** Ends the queue at once: unread events are dropped. */
  fail(reason: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = { reason }
    this.#items.length = 0
    this.#settle((waiting) => waiting.reject(reason))
  }

  /** @throws the reason with which the queue ended. */
  async next(): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure.reason
    const item = this.#items.shift()
    if (item !== undefined) return item
    this.#waiting = Promise.withResolvers<T>()
    return await this.#waiting.promise
  }

  #settle(how: (waiting: PromiseWithResolvers<T>) => void): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting !== undefined) how(waiting)
  }
}
