/** Text that leaves as one write. */
const MAX_WRITE_CHARS = 16_384

export interface TextSourceInit {
  /** `keepAlive` is read after each pause of this length. */
  readonly keepAliveMs: number
  /** Text without content, in the format of the stream. */
  readonly keepAlive: () => string
}

/** What is to be written at once. */
export interface TextPart {
  readonly text: string
  /** Nothing follows. The text may be empty. */
  readonly isLast: boolean
}

type Reader = Pick<PromiseWithResolvers<TextPart>, 'reject' | 'resolve'>

/**
 * Texts of a stream, in parts: those of one turn of the event loop are one part. Texts are asked for only while a part is
 * read, so a slow reader slows their source.
 */
export class TextSource {
  readonly #texts: AsyncIterator<string, void, void>
  readonly #init: TextSourceInit
  #text = ''
  #isOver: boolean = false
  #isAsking: boolean = false
  #reader: Reader | undefined
  #failure: { readonly error: unknown } | undefined
  #readSinceMs = 0
  #turn: NodeJS.Immediate | undefined
  /** Armed at the first read and left armed: it is moved when it fires, and not with each part. */
  #timer: NodeJS.Timeout | undefined

  /** @param texts empty ones are skipped */
  constructor(texts: AsyncIterator<string, void, void>, init: TextSourceInit) {
    this.#texts = texts
    this.#init = init
  }

  /** The next part. Not to be called again while a call is pending. @throws as the texts do */
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

  /** Ends the texts, because their reader has left. */
  async cancel(): Promise<void> {
    this.#isOver = true
    this.#text = ''
    this.#give()
    await this.#texts.return?.()
  }

  #ask(): void {
    const isWanted = this.#reader !== undefined && this.#text.length < MAX_WRITE_CHARS
    if (this.#isAsking || this.#isOver || !isWanted) return
    this.#isAsking = true
    this.#texts.next().then(this.#onText, this.#onFailure)
  }

  readonly #onText = (result: IteratorResult<string, void>): void => {
    this.#isAsking = false
    if (this.#isOver) return
    if (result.done === true) {
      this.#isOver = true
      this.#give()
      return
    }
    this.#text += result.value
    if (this.#text.length >= MAX_WRITE_CHARS) this.#give()
    else if (this.#text !== '') this.#soon()
    this.#ask()
  }

  readonly #onFailure = (error: unknown): void => {
    if (this.#isOver) return
    this.#isOver = true
    this.#text = ''
    // Kept for the next read where none waits, so that a broken answer never ends like a whole one.
    this.#failure = { error }
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
