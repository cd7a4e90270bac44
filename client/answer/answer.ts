import { type AttemptRecord, InferenceError, type OpenAiUsage } from '../../protocol/index.ts'
import type { RequestEvent } from '../request/index.ts'
import type { ServedChunk } from './results.ts'
/**
 * A streamed answer. Read it once: the work begins with the first chunk asked for, goes on as chunks are asked for, and
 * is cancelled at the peer by a `break`. A stream that did not end completely throws; it is never a short answer.
 */
export interface Answer<T> extends AsyncIterable<T & ServedChunk> {
  /** Every attempt that has ended. */
  readonly attempts: readonly AttemptRecord[]
  /** After the end, else absent. */
  readonly usage: OpenAiUsage | undefined
  /** After the end, also that by an error, else absent. */
  readonly event: RequestEvent | undefined
}

export interface AnswerInit<T> {
  readonly attempts: readonly AttemptRecord[]
  readonly event: () => RequestEvent | undefined
  /** Begins the work. `cancel` ends it wherever it is. */
  readonly begin: (onUsage: (usage: OpenAiUsage) => void) => {
    readonly chunks: AsyncGenerator<T & ServedChunk, void, void>
    readonly cancel: () => void
  }
}

export function createAnswer<T>(init: AnswerInit<T>): Answer<T> {
  let begun = false
  let usage: OpenAiUsage | undefined
  return {
    attempts: init.attempts,
    get usage() {
      return usage
    },
    get event() {
      return init.event()
    },
    [Symbol.asyncIterator]() {
      if (begun) throw new InferenceError('invalid_request', 'an answer can be read only once')
      begun = true
      const { chunks, cancel } = init.begin((final) => {
        usage = final
      })
      return {
        next: () => chunks.next(),
        // A generator would first wait for the chunk that is under way; the consumer is gone now.
        return: async () => {
          cancel()
          await chunks.return().catch(() => {})
          return { done: true, value: undefined }
        },
      }
    },
  }
}
