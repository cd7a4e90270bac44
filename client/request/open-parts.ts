/**
 * Closes several parts in reverse order of opening, each of them even if another fails to close. Node 22 lacks
 * `AsyncDisposableStack`, which does the same.
 */
export class OpenParts implements AsyncDisposable {
  #closers: (() => unknown)[] = []

  /** Adds a part to be closed. @returns the part */
  use<T extends AsyncDisposable | undefined>(part: T): T {
    if (part !== undefined) this.defer(() => part[Symbol.asyncDispose]())
    return part
  }

  /** Adds a function to be called on closing. */
  defer(close: () => unknown): void {
    this.#closers.push(close)
  }

  /** Leaves every part open, for another owner to close. */
  release(): void {
    this.#closers = []
  }

  /** @throws what a part threw; an `AggregateError` if several did */
  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = []
    for (const close of this.#closers.splice(0).toReversed()) {
      try {
        await close()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1) throw new AggregateError(errors, 'several parts failed to close')
  }
}
