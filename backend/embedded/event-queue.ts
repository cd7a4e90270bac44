/** Hands over what one side tells, in order, to the one reader on the other side. */
export class EventQueue<T> {
  readonly #items: T[] = []
  #failure: { readonly reason: unknown } | undefined
  #waiting: PromiseWithResolvers<T> | undefined

  push(item: T): void {
    if (this.#failure !== undefined) return
    if (this.#waiting === undefined) this.#items.push(item)
    else this.#settle((waiting) => waiting.resolve(item))
  }

  /** Ends the queue at once: what was not read yet is dropped. */
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
