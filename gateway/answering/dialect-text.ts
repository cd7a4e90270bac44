import type { TextForm } from '../http/index.ts'
import type { DialectWriter } from './dialect-writer.ts'

export interface DialectTextInit<T> {
  readonly writer: Pick<DialectWriter<T>, 'begin' | 'take'>
  /** Gets the time between each two pieces, in milliseconds. */
  readonly onGap: (ms: number) => void
  /** The text after the last piece. What it throws is a failure. */
  readonly end: () => string
  /** The text in place of the rest. */
  readonly fail: (error: unknown) => string
}

/** The text of a streamed answer in a dialect. */
export class DialectText<T> implements TextForm<T> {
  readonly #init: DialectTextInit<T>
  #hasBegun: boolean = false
  /** The beginning, while the piece after it is not written. */
  #begun = ''
  #lastAt: number | undefined

  constructor(init: DialectTextInit<T>) {
    this.#init = init
  }

  /** Begins without a piece. */
  begin(): string {
    this.#hasBegun = true
    return this.#init.writer.begin(undefined)
  }

  take(piece: T): string {
    const { writer, onGap } = this.#init
    const now = performance.now()
    if (this.#lastAt !== undefined) onGap(now - this.#lastAt)
    this.#lastAt = now
    if (this.#hasBegun) return writer.take(piece)
    this.#begun = writer.begin(piece)
    this.#hasBegun = true
    const text = this.#begun + writer.take(piece)
    this.#begun = ''
    return text
  }

  end(): string {
    return this.#init.end()
  }

  fail(error: unknown): string {
    return this.#begun + this.#init.fail(error)
  }
}
