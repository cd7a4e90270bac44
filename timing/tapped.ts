type Stream<T> = AsyncGenerator<T, void, void>
type Result<T> = IteratorResult<T, void>
type Source<T> = AsyncIterator<T, unknown, void>

/** What to do with a stream that passes; called in its order. */
export interface Tap<T> {
  /** Each value, before its reader gets it. What it throws ends the stream as a failure. */
  readonly value?: (value: T) => void
  /** Everything was read. What it throws is a failure. */
  readonly complete?: () => void
  /** @returns the error for the reader */
  readonly failed?: (error: unknown) => unknown
  /** Last, and once: everything was read, the stream failed, or its reader left. */
  readonly ended?: () => void
}

const OVER: IteratorReturnResult<void> = { done: true, value: undefined }

/** A stream that is read by one reader, one value at a time. */
abstract class PlainStream<T> implements Stream<T> {
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

/**
 * The same stream with something done beside it. A generator would add several promises to each value, and each piece of an
 * answer passes through many such steps.
 */
export function tapped<T>(source: Source<T>, tap: Tap<T>): Stream<T> {
  return new Tapped(source, tap)
}

class Tapped<T> extends PlainStream<T> {
  readonly #source: Source<T>
  readonly #tap: Tap<T>
  #isOver: boolean = false

  constructor(source: Source<T>, tap: Tap<T>) {
    super()
    this.#source = source
    this.#tap = tap
  }

  next(): Promise<Result<T>> {
    return this.#isOver
      ? Promise.resolve(OVER)
      : this.#source.next().then(this.#onResult, this.#onFailure)
  }

  async return(): Promise<Result<T>> {
    if (this.#isOver) return OVER
    try {
      await this.#source.return?.()
    } finally {
      this.#end()
    }
    return OVER
  }

  readonly #onResult = (result: IteratorResult<T, unknown>): Result<T> | Promise<Result<T>> => {
    try {
      if (result.done !== true) {
        this.#tap.value?.(result.value)
        return result
      }
      this.#tap.complete?.()
    } catch (error) {
      return result.done === true ? this.#onFailure(error) : this.#break(error)
    }
    this.#end()
    return OVER
  }

  readonly #onFailure = (error: unknown): never => {
    // A reader that left has had its end.
    if (this.#isOver) throw error
    try {
      throw this.#tap.failed === undefined ? error : this.#tap.failed(error)
    } finally {
      this.#end()
    }
  }

  async #break(error: unknown): Promise<never> {
    await this.#source.return?.().catch(() => {})
    return this.#onFailure(error)
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#tap.ended?.()
  }
}

/**
 * A stream that is opened by its first read.
 *
 * @param open is not called if the reader leaves before that; what it rejects with is the failure of the stream
 */
export function openedLater<T>(open: () => Source<T> | Promise<Source<T>>): Stream<T> {
  return new OpenedLater(open)
}

class OpenedLater<T> extends PlainStream<T> {
  readonly #open: () => Source<T> | Promise<Source<T>>
  #opening: Promise<Source<T>> | undefined
  #source: Source<T> | undefined
  #isOver: boolean = false

  constructor(open: () => Source<T> | Promise<Source<T>>) {
    super()
    this.#open = open
  }

  next(): Promise<Result<T>> {
    if (this.#source !== undefined) return this.#source.next() as Promise<Result<T>>
    return this.#isOver ? Promise.resolve(OVER) : this.#first()
  }

  async return(): Promise<Result<T>> {
    this.#isOver = true
    // One that is being opened is left when it is open.
    const source = this.#source ?? (await this.#opening?.catch(() => undefined))
    await source?.return?.()
    return OVER
  }

  #first(): Promise<Result<T>> {
    try {
      const opened = this.#open()
      return opened instanceof Promise ? this.#firstOf(opened) : this.#nextOf(opened)
    } catch (error) {
      this.#isOver = true
      return Promise.reject(error)
    }
  }

  async #firstOf(opening: Promise<Source<T>>): Promise<Result<T>> {
    this.#opening = opening
    try {
      return await this.#nextOf(await opening)
    } catch (error) {
      if (this.#source === undefined) this.#isOver = true
      throw error
    }
  }

  #nextOf(source: Source<T>): Promise<Result<T>> {
    this.#source = source
    return source.next() as Promise<Result<T>>
  }
}

/** A stream that fails at its first read. */
export function failing<T>(error: unknown): Stream<T> {
  return openedLater<T>(() => {
    throw error
  })
}

/** One value, and then a stream, which is opened when the reader asks for more. */
export function startingWith<T>(first: T, open: () => Source<T>): Stream<T> {
  return new StartingWith(first, open)
}

class StartingWith<T> extends OpenedLater<T> {
  readonly #value: T
  #isFirst: boolean = true

  constructor(first: T, open: () => Source<T>) {
    super(open)
    this.#value = first
  }

  override next(): Promise<Result<T>> {
    if (!this.#isFirst) return super.next()
    this.#isFirst = false
    return Promise.resolve({ done: false, value: this.#value })
  }
}
