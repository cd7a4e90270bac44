/**
 * Parts that are closed together, in reverse order of their opening, each of them even if another fails to close.
 * `AsyncDisposableStack` does the same, and Node 22 does not have it.
 */
export class OpenParts implements AsyncDisposable {
  #closers: (() => unknown)[] = []

  /** Closes `part` with the others. @returns the part */
  use<T extends AsyncDisposable | undefined>(part: T): T {
    if (part !== undefined) this.defer(() => part[Symbol.asyncDispose]())
    return part
  }

  /** Calls `close` with the others. */
  defer(close: () => unknown): void {
    this.#closers.push(close)
  }

  /** Leaves every part open: another owner closes them. */
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
