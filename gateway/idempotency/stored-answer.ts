/** Limits of a stored answer. */
export interface StoredAnswerInit {
  /** It continues this long after its last reader has left. */
  readonly graceMs: number
  /** A longer answer is not kept for later readers. */
  readonly maxBytes: number
  /** Called once: whether it is complete and may be replayed. */
  readonly onEnd: (kept: boolean) => void
}

/**
 * A response with several readers, each from the start and at its own pace. It is read as fast as its fastest
 * reader; without a reader it is read on until the grace period ends.
 */
export class StoredAnswer {
  readonly #init: StoredAnswerInit
  readonly #status: number
  readonly #headers: Headers
  readonly #source: ReadableStreamDefaultReader<Uint8Array> | undefined
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #readers = 0
  #pulling: Promise<void> | undefined
  #state: 'running' | 'complete' | 'given-up' = 'running'
  #grace: ReturnType<typeof setTimeout> | undefined

  constructor(response: Response, init: StoredAnswerInit) {
    this.#init = init
    this.#status = response.status
    this.#headers = new Headers(response.headers)
    this.#source = response.body?.getReader()
    if (this.#source === undefined) this.#end('complete')
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether a new reader would get all of it. */
  get isWhole(): boolean {
    return this.#state !== 'given-up' && this.#bytes <= this.#init.maxBytes
  }

  /** The answer from its start. */
  replay(): Response {
    this.#readers += 1
    clearTimeout(this.#grace)
    let next = 0
    const body = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          while (next >= this.#chunks.length && this.#state === 'running') await this.#pull()
          const chunk = this.#chunks[next]
          next += 1
          if (chunk !== undefined) controller.enqueue(chunk)
          else {
            this.#left()
            controller.close()
          }
        },
        cancel: () => this.#left(),
      },
      { highWaterMark: 0 },
    )
    return new Response(this.#source === undefined ? null : body, {
      status: this.#status,
      headers: this.#headers,
    })
  }

  async #pull(): Promise<void> {
    this.#pulling ??= this.#readOne()
    try {
      await this.#pulling
    } finally {
      this.#pulling = undefined
    }
  }

  async #readOne(): Promise<void> {
    try {
      const result = await this.#source?.read()
      if (result?.value !== undefined) {
        this.#chunks.push(result.value)
        this.#bytes += result.value.byteLength
      }
      if (result === undefined || result.done) this.#end('complete')
    } catch {
      this.#end('given-up')
    }
  }

  #left(): void {
    this.#readers -= 1
    if (this.#readers > 0 || this.#state !== 'running') return
    const { graceMs, maxBytes } = this.#init
    this.#grace = setTimeout(() => {
      this.#end('given-up')
      this.#source?.cancel().catch(() => {})
    }, graceMs)
    const readOn = async (): Promise<void> => {
      while (this.#readers === 0 && this.#state === 'running' && this.#bytes <= maxBytes) {
        await this.#pull()
      }
    }
    void readOn()
  }

  #end(state: 'complete' | 'given-up'): void {
    if (this.#state !== 'running') return
    this.#state = state
    clearTimeout(this.#grace)
    this.#init.onEnd(state === 'complete' && this.isWhole)
  }
}
