/** Text that leaves as one write. */
const MAX_WRITE_CHARS = 16_384

export interface TextSourceInit {
  /** `keepAlive` is read after each pause of this length. */
  readonly keepAliveMs: number
  /** Text without content, in the format of the stream. */
  readonly keepAlive: () => string
  /** Sent before the first piece. @default nothing */
  readonly first?: string
}

/** What is to be written at once. */
export interface TextPart {
  readonly text: string
  /** Nothing follows. The text may be empty. */
  readonly isLast: boolean
}

/** How pieces are written as text. */
export interface TextForm<T> {
  /** An empty text is not sent. What it throws is the failure of the stream. */
  take(piece: T): string
  /** The text after the last piece. What it throws is the failure of the stream. */
  end(): string
  /** The text in place of the rest. What it throws breaks the stream off. */
  fail(error: unknown): string
}

type Reader = Pick<PromiseWithResolvers<TextPart>, 'reject' | 'resolve'>

/**
 * Pieces of a stream as text, in parts: those of one turn of the event loop are one part. Pieces are asked for only while
 * a part is read, so a slow reader slows their source.
 */
export class TextSource<T> {
  readonly #pieces: AsyncIterator<T>
  readonly #form: TextForm<T>
  readonly #init: TextSourceInit
  #text: string
  #isOver: boolean = false
  #isAsking: boolean = false
  #reader: Reader | undefined
  #failure: { readonly error: unknown } | undefined
  #readSinceMs = 0
  #turn: NodeJS.Immediate | undefined
  /** Armed at the first read and left armed: it is moved when it fires, and not with each part. */
  #timer: NodeJS.Timeout | undefined

  constructor(pieces: AsyncIterator<T>, form: TextForm<T>, init: TextSourceInit) {
    this.#pieces = pieces
    this.#form = form
    this.#init = init
    this.#text = init.first ?? ''
  }

  /** The next part. Not to be called again while a call is pending. @throws what breaks the stream off */
  read(): Promise<TextPart> {
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject }
      this.#readSinceMs = performance.now()
      if (this.#timer === undefined) this.#arm(this.#init.keepAliveMs)
      if (this.#isOver) this.#give()
      else if (this.#text !== '') this.#soon()
      this.#ask()
    })
  }

  /** Leaves the pieces, because their reader has left. */
  async cancel(): Promise<void> {
    this.#isOver = true
    this.#text = ''
    this.#give()
    await this.#pieces.return?.()
  }

  #ask(): void {
    const isWanted = this.#reader !== undefined && this.#text.length < MAX_WRITE_CHARS
    if (this.#isAsking || this.#isOver || !isWanted) return
    this.#isAsking = true
    this.#pieces.next().then(this.#onResult, this.#onFailure)
  }

  readonly #onResult = (result: IteratorResult<T>): void => {
    if (this.#isOver) return
    try {
      this.#text += result.done === true ? this.#form.end() : this.#form.take(result.value)
    } catch (error) {
      this.#break(error)
      return
    }
    this.#isAsking = false
    this.#isOver = result.done === true
    if (this.#isOver || this.#text.length >= MAX_WRITE_CHARS) this.#give()
    else if (this.#text !== '') this.#soon()
    this.#ask()
  }

  /** What cannot be written ends the pieces at their source, too. */
  #break(error: unknown): void {
    const fail = (): void => this.#onFailure(error)
    Promise.resolve(this.#pieces.return?.()).then(fail, fail)
  }

  readonly #onFailure = (error: unknown): void => {
    if (this.#isOver) return
    this.#isOver = true
    try {
      this.#text += this.#form.fail(error)
    } catch (failure) {
      this.#text = ''
      // Kept for the next read where none waits, so that a broken answer never ends like a whole one.
      this.#failure = { error: failure }
    }
    this.#give()
  }

  /** Gives what arrives in this turn. */
  #soon(): void {
    if (this.#reader === undefined) return
    this.#turn ??= setImmediate(this.#give)
  }

  readonly #give = (): void => {
    clearImmediate(this.#turn)
    this.#turn = undefined
    if (this.#isOver) clearTimeout(this.#timer)
    const reader = this.#reader
    if (reader === undefined) return
    this.#reader = undefined
    if (this.#failure !== undefined) {
      reader.reject(this.#failure.error)
      return
    }
    const part = { text: this.#text, isLast: this.#isOver }
    this.#text = ''
    reader.resolve(part)
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(this.#onPause, ms)
  }

  readonly #onPause = (): void => {
    this.#timer = undefined
    // The writer has the turn: the next read arms it again.
    if (this.#reader === undefined) return
    const leftMs = this.#readSinceMs + this.#init.keepAliveMs - performance.now()
    if (leftMs >= 1) {
      this.#arm(leftMs)
      return
    }
    this.#text ||= this.#init.keepAlive()
    this.#give()
  }
}
