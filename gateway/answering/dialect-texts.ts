import type { DialectWriter } from './dialect-writer.ts'

export interface DialectTextsInit<T> {
  readonly writer: Pick<DialectWriter<T>, 'begin' | 'take'>
  /** The stream begins before its first piece. */
  readonly begins: boolean
  /** Gets the time between each two pieces, in milliseconds. */
  readonly onGap: (ms: number) => void
  /** The text after the last piece. A failure is written by `fail`. */
  readonly end: () => string
  /** The text in place of the rest. */
  readonly fail: (error: unknown) => string
}

const OVER: IteratorReturnResult<void> = { done: true, value: undefined }

/** The texts of a streamed answer. A plain iterator: a generator would add awaits to each piece of every answer. */
export class DialectTexts<T> implements AsyncIterator<string, void, void> {
  readonly #pieces: AsyncIterator<T>
  readonly #init: DialectTextsInit<T>
  #hasBegun: boolean = false
  #isOver: boolean = false
  #lastAt: number | undefined

  constructor(pieces: AsyncIterator<T>, init: DialectTextsInit<T>) {
    this.#pieces = pieces
    this.#init = init
  }

  next(): Promise<IteratorResult<string, void>> {
    if (this.#isOver) return Promise.resolve(OVER)
    if (this.#init.begins && !this.#hasBegun) {
      this.#hasBegun = true
      return Promise.resolve(text(this.#init.writer.begin(undefined)))
    }
    return this.#pieces.next().then(this.#onPiece, this.#onFailure)
  }

  async return(): Promise<IteratorReturnResult<void>> {
    this.#isOver = true
    await this.#pieces.return?.()
    return OVER
  }

  readonly #onPiece = (
    result: IteratorResult<T>,
  ): IteratorResult<string, void> | Promise<IteratorResult<string, void>> => {
    const { writer, onGap, end } = this.#init
    let begun = ''
    try {
      if (result.done === true) {
        this.#isOver = true
        return text(end())
      }
      const now = performance.now()
      if (this.#lastAt !== undefined) onGap(now - this.#lastAt)
      this.#lastAt = now
      if (!this.#hasBegun) begun = writer.begin(result.value)
      this.#hasBegun = true
      return text(begun + writer.take(result.value))
    } catch (error) {
      return this.#broken(begun, error)
    }
  }

  readonly #onFailure = (error: unknown): IteratorResult<string, void> => {
    this.#isOver = true
    return text(this.#init.fail(error))
  }

  /** A piece that the dialect cannot express ends the answer at its peer, too. */
  async #broken(begun: string, error: unknown): Promise<IteratorResult<string, void>> {
    await this.return().catch(() => {})
    return text(begun + this.#init.fail(error))
  }
}

function text(value: string): IteratorYieldResult<string> {
  return { done: false, value }
}
