import type { Answer, ServedChunk } from '../../client/index.ts'
import { type Served, within } from '../http/index.ts'

/** A streamed answer that has begun, or that was waited for long enough. */
export interface OpenedAnswer<T> {
  /** Absent where nothing has come yet. */
  readonly served: (Served & { readonly model: string }) | undefined
  /** From the first one on. A failure is thrown where it happens. */
  readonly chunks: AsyncGenerator<T & ServedChunk, void, void>
}

/**
 * Waits for the first piece of an answer, so that what fails before it has a status of its own.
 *
 * @param waitMs after which the stream begins without one, its failure being told in it then
 * @throws what the answer throws before its first piece
 */
export async function openAnswer<T extends { readonly model: string }>(
  answer: Answer<T>,
  { waitMs, startedAt }: { readonly waitMs: number; readonly startedAt: number },
): Promise<OpenedAnswer<T>> {
  const iterator = answer[Symbol.asyncIterator]()
  const first = iterator.next()
  // Handled where the chunk is read; until then nobody may be there to see it fail.
  first.catch(() => {})
  const result = await within(first, waitMs)
  const served =
    result === undefined || result.done === true
      ? undefined
      : {
          peerId: result.value.skein.peerId,
          model: result.value.model,
          attempts: answer.attempts,
          attemptCount: answer.attempts.length + 1,
          resumes: 0,
          ttftMs: performance.now() - startedAt,
        }
  return { served, chunks: resumed(first, iterator) }
}

async function* resumed<T>(
  first: Promise<IteratorResult<T>>,
  rest: AsyncIterator<T>,
): AsyncGenerator<T, void, void> {
  try {
    for (let result = await first; result.done !== true; result = await rest.next()) {
      yield result.value
    }
  } finally {
    await rest.return?.()
  }
}
