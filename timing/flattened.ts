import { OVER, PlainStream } from './plain-stream.ts'

type Result<T> = IteratorResult<T, void>

export interface FlattenedInit<From, To> {
  readonly source: AsyncIterator<From, unknown, void>
  /** What a value becomes. What it throws ends the stream as a failure, and leaves the source. */
  readonly parts: (value: From) => readonly To[]
  /** What follows when everything was read. @default nothing */
  readonly rest?: () => readonly To[]
}

/** A stream of what the values of another become, each any number of values. Cheaper than a generator, see `tapped`. */
export function flattened<From, To>(init: FlattenedInit<From, To>): AsyncGenerator<To, void, void> {
  return new Flattened(init)
}

const NOTHING: readonly never[] = []

class Flattened<From, To> extends PlainStream<To> {
  readonly #init: FlattenedInit<From, To>
  #parts: readonly To[] = NOTHING
  #at = 0
  #isRead: boolean = false

  constructor(init: FlattenedInit<From, To>) {
    super()
    this.#init = init
  }

  next(): Promise<Result<To>> {
    const part = this.#take()
    if (part !== undefined) return Promise.resolve(part)
    return this.#isRead
      ? Promise.resolve(OVER)
      : this.#init.source.next().then(this.#onResult, this.#onFailure)
  }

  async return(): Promise<Result<To>> {
    const isOpen = !this.#isRead
    this.#end()
    if (isOpen) await this.#init.source.return?.()
    return OVER
  }

  #take(): Result<To> | undefined {
    if (this.#at >= this.#parts.length) return undefined
    const value = this.#parts[this.#at] as To
    this.#at += 1
    return { done: false, value }
  }

  readonly #onResult = (
    result: IteratorResult<From, unknown>,
  ): Result<To> | Promise<Result<To>> => {
    // A reader that left has had its end.
    if (this.#isRead) return OVER
    const { parts, rest } = this.#init
    try {
      if (result.done === true) this.#isRead = true
      this.#parts = result.done === true ? (rest?.() ?? NOTHING) : parts(result.value)
    } catch (error) {
      return this.throw(error)
    }
    this.#at = 0
    return this.#take() ?? this.next()
  }

  readonly #onFailure = (error: unknown): never => {
    this.#end()
    throw error
  }

  #end(): void {
    this.#isRead = true
    this.#parts = NOTHING
  }
}
