import { OVER, PlainStream } from './plain-stream.ts'

type Stream<T> = AsyncGenerator<T, void, void>
type Result<T> = IteratorResult<T, void>
type Source<T> = AsyncIterator<T, unknown, void>
type Open<T> = () => Source<T> | Promise<Source<T>>

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

/**
 * The same stream with something done beside it. A generator would add several promises to each value, and each piece of an
 * answer passes through many such steps. Those of one stream, also of one that it opens, share a promise for each value.
 *
 * @param source is not to be read in another way
 */
export function tapped<T>(source: Source<T>, tap: Tap<T>): Stream<T> {
  const stream =
    source instanceof TappedStream && source.isFresh ? source : new TappedStream<T>({ source })
  stream.add(tap)
  return stream
}

/**
 * A stream that is opened by its first read.
 *
 * @param open is not called if the reader leaves before that; what it rejects with is the failure of the stream
 */
export function openedLater<T>(open: Open<T>): Stream<T> {
  return new TappedStream({ open })
}

/** A stream that fails at its first read. */
export function failing<T>(error: unknown): Stream<T> {
  return openedLater<T>(() => {
    throw error
  })
}

/** One value, and then a stream, which is opened when the reader asks for more. */
export function startingWith<T>(value: T, open: () => Source<T>): Stream<T> {
  return new TappedStream({ first: { done: false, value }, open })
}

/** Where the values of a stream come from. */
interface Origin<T> {
  readonly first?: IteratorYieldResult<T>
  /** Absent until the stream is opened. */
  readonly source?: Source<T>
  readonly open?: Open<T>
}

class TappedStream<T> extends PlainStream<T> {
  #first: IteratorYieldResult<T> | undefined
  #source: Source<T> | undefined
  #open: Open<T> | undefined
  #opening: Promise<Source<T>> | undefined
  /** Those that have not ended, the innermost first. */
  #taps: Tap<T>[] = []
  #isFresh: boolean = true
  #isOver: boolean = false

  constructor({ first, source, open }: Origin<T>) {
    super()
    this.#first = first
    this.#source = source
    this.#open = open
  }

  /** Whether it was not read yet. */
  get isFresh(): boolean {
    return this.#isFresh
  }

  /** Adds a tap around those that there are. */
  add(tap: Tap<T>): void {
    this.#taps.push(tap)
  }

  next(): Promise<Result<T>> {
    if (this.#isOver) return Promise.resolve(OVER)
    this.#isFresh = false
    const source = this.#first === undefined ? this.#source : undefined
    if (source === undefined) return this.#begin().then(this.#onResult, this.#onFailure)
    if (this.#taps.length === 0) return source.next() as Promise<Result<T>>
    return source.next().then(this.#onResult, this.#onFailure)
  }

  async return(): Promise<Result<T>> {
    if (this.#isOver) return OVER
    this.#isFresh = false
    try {
      // One that is being opened is left when it is open.
      while (this.#opening !== undefined) await this.#opening.catch(() => {})
      if (this.#source !== undefined) await this.#source.return?.()
    } finally {
      this.#end()
    }
    return OVER
  }

  /** The value that is there before the stream is opened, or else the first of the stream. */
  async #begin(): Promise<IteratorResult<T, unknown>> {
    try {
      while (this.#first === undefined && this.#open !== undefined) {
        const opened = this.#open()
        if (opened instanceof Promise) this.#opening = opened
        this.#takeOver(opened instanceof Promise ? await opened : opened)
        this.#opening = undefined
      }
    } catch (error) {
      this.#opening = undefined
      throw this.#failed(error)
    }
    const first = this.#first
    this.#first = undefined
    return first ?? (await this.#source?.next()) ?? OVER
  }

  /** Goes on with what was opened: a stream of this kind leaves its source and its taps to this one. */
  #takeOver(opened: Source<T>): void {
    if (!(opened instanceof TappedStream && opened.isFresh)) {
      this.#source = opened
      this.#open = undefined
      return
    }
    this.#first = opened.#first
    this.#source = opened.#source
    this.#open = opened.#open
    this.#taps = [...opened.#taps, ...this.#taps]
    opened.#taps = []
    opened.#isOver = true
  }

  readonly #onResult = (result: IteratorResult<T, unknown>): Result<T> | Promise<Result<T>> => {
    if (result.done === true) return this.#complete()
    for (const tap of this.#taps) {
      try {
        tap.value?.(result.value)
      } catch (error) {
        return this.#break(error, tap)
      }
    }
    return result
  }

  readonly #onFailure = (error: unknown): never => {
    // A reader that left has had its end.
    throw this.#isOver ? error : this.#failed(error)
  }

  #complete(): Result<T> {
    while (this.#taps.length > 0) {
      try {
        this.#taps[0]?.complete?.()
        this.#endFirst()
      } catch (error) {
        throw this.#failed(error)
      }
    }
    this.#isOver = true
    return OVER
  }

  /** Leaves the source for a tap that refused a value: for those within, the reader left. */
  async #break(error: unknown, by: Tap<T>): Promise<never> {
    await this.#source?.return?.().catch(() => {})
    while (this.#taps.length > 0 && this.#taps[0] !== by) {
      try {
        this.#endFirst()
      } catch {
        // The refusal is the failure.
      }
    }
    return this.#onFailure(error)
  }

  /** @returns the error for the reader */
  #failed(error: unknown): unknown {
    this.#isOver = true
    let failure = error
    while (this.#taps.length > 0) {
      const { failed } = this.#taps[0] ?? {}
      try {
        if (failed !== undefined) failure = failed(failure)
      } catch (thrown) {
        failure = thrown
      }
      try {
        this.#endFirst()
      } catch (thrown) {
        failure = thrown
      }
    }
    return failure
  }

  /** Each tap has its end, also after one that throws at its own. */
  #end(): void {
    this.#isOver = true
    try {
      this.#endFirst()
    } finally {
      if (this.#taps.length > 0) this.#end()
    }
  }

  #endFirst(): void {
    this.#taps.shift()?.ended?.()
  }
}
