import { type AttemptRecord, InferenceError, type OpenAiUsage } from '../../protocol/index.ts'
import type { RequestEvent } from '../request/index.ts'
import type { ServedChunk } from './results.ts'

/**
 * A streamed answer, which can be read once. The first `next()` starts the work; a `break` cancels it at the peer. A
 * stream that does not end completely throws; it is never a short answer.
 */
export interface Answer<T> extends AsyncIterable<T & ServedChunk> {
  /** The attempts that have ended. */
  readonly attempts: readonly AttemptRecord[]
  /** Set after the end. */
  readonly usage: OpenAiUsage | undefined
  /** Set after the end, also after an error. */
  readonly event: RequestEvent | undefined
}

export interface AnswerInit<T> {
  readonly attempts: readonly AttemptRecord[]
  readonly event: () => RequestEvent | undefined
  /** Starts the work. `cancel` ends it at any point. */
  readonly begin: (onUsage: (usage: OpenAiUsage) => void) => {
    readonly chunks: AsyncGenerator<T & ServedChunk, void, void>
    readonly cancel: () => void
  }
}

export function createAnswer<T>(init: AnswerInit<T>): Answer<T> {
  return new StreamedAnswer(init)
}

/** A class, as an object with getters is slow to make. */
class StreamedAnswer<T> implements Answer<T> {
  readonly #init: AnswerInit<T>
  #hasBegun: boolean = false
  #usage: OpenAiUsage | undefined

  constructor(init: AnswerInit<T>) {
    this.#init = init
  }

  get attempts(): readonly AttemptRecord[] {
    return this.#init.attempts
  }

  get usage(): OpenAiUsage | undefined {
    return this.#usage
  }

  get event(): RequestEvent | undefined {
    return this.#init.event()
  }

  [Symbol.asyncIterator](): AsyncIterator<T & ServedChunk, void, void> {
    if (this.#hasBegun) {
      throw new InferenceError('invalid_request', 'an answer can be read only once')
    }
    this.#hasBegun = true
    const { chunks, cancel } = this.#init.begin((usage) => {
      this.#usage = usage
    })
    return {
      next: () => chunks.next(),
      // A generator alone would first wait for the pending chunk.
      return: async () => {
        cancel()
        await chunks.return().catch(() => {})
        return { done: true, value: undefined }
      },
    }
  }
}
