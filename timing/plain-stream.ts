type Result<T> = IteratorResult<T, void>

/** The end of a stream. */
export const OVER: IteratorReturnResult<void> = { done: true, value: undefined }

/**
 * A stream that is read by one reader, one value at a time: all that a generator has, for a class that says how it is read
 * and left. A generator would add several promises to each value.
 */
export abstract class PlainStream<T> implements AsyncGenerator<T, void, void> {
  abstract next(): Promise<Result<T>>
  abstract return(): Promise<Result<T>>

  async throw(error: unknown): Promise<never> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}
