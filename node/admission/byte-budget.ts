import { InferenceError } from '../../protocol/index.ts'

/** When memory is short, it is short for about as long as an upload takes. */
const RETRY_AFTER_MS = 1_000

/** Bytes of requests that a node holds in memory, over all peers. */
export class ByteBudget {
  readonly #maxBytes: number
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /**
   * @returns gives the bytes back; calling it again does nothing.
   * @throws InferenceError `over_capacity`
   */
  reserve(bytes: number): () => void {
    if (this.#usedBytes + bytes > this.#maxBytes) {
      throw new InferenceError('over_capacity', 'too many request bytes in memory', {
        retryAfterMs: RETRY_AFTER_MS,
      })
    }
    this.#usedBytes += bytes
    let held = true
    return () => {
      if (held) this.#usedBytes -= bytes
      held = false
    }
  }
}
