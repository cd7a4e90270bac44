/** Runs a few tasks at a time, keeps a bounded number waiting, and refuses the rest. */
export class TaskPool {
  readonly #concurrency: number
  readonly #maxWaiting: number
  readonly #waiting: (() => Promise<void>)[] = []
  #running = 0

  constructor(init: { readonly concurrency: number; readonly maxWaiting: number }) {
    this.#concurrency = init.concurrency
    this.#maxWaiting = init.maxWaiting
  }

  /** @returns whether there was room. A task must not throw. */
  offer(task: () => Promise<void>): boolean {
    if (this.#running < this.#concurrency) {
      void this.#run(task)
      return true
    }
    if (this.#waiting.length >= this.#maxWaiting) return false
    this.#waiting.push(task)
    return true
  }

  /** Drops waiting tasks; running ones continue. */
  clear(): void {
    this.#waiting.length = 0
  }

  async #run(first: () => Promise<void>): Promise<void> {
    this.#running += 1
    try {
      for (
        let task: (() => Promise<void>) | undefined = first;
        task;
        task = this.#waiting.shift()
      ) {
        await task()
      }
    } finally {
      this.#running -= 1
    }
  }
}
