import type { Answer, ServedChunk } from '../../client/index.ts'
import { defined } from '../../protocol/index.ts'
import { type Served, within } from '../http/index.ts'
import { resumed } from '../wrapped-client.ts'

/** A streamed answer that has begun, or whose wait has expired. */
export interface OpenedAnswer<T> {
  /** Absent if nothing has arrived yet. */
  readonly served: (Served & { readonly model: string }) | undefined
  /** All chunks, including the first. A failure is thrown at its place. */
  readonly chunks: AsyncIterator<T & ServedChunk>
}

/**
 * Waits for the first chunk of an answer, so that an earlier failure has an HTTP status.
 *
 * @param waitMs after which the stream begins without a chunk, and a failure is reported in the stream
 * @throws failures before the first chunk
 */
export async function openAnswer<T extends { readonly model: string }>(
  answer: Answer<T>,
  { waitMs, startedAt }: { readonly waitMs: number; readonly startedAt: number },
): Promise<OpenedAnswer<T>> {
  const iterator = answer[Symbol.asyncIterator]()
  const first = iterator.next()
  // Handled where the chunk is read; until then a rejection must not count as unhandled.
  first.catch(() => {})
  const result = await within(first, waitMs)
  const served =
    result === undefined || result.done === true
      ? undefined
      : {
          peerId: result.value.skein.peerId,
          ...defined({ swarm: result.value.skein.swarm }),
          model: result.value.model,
          attempts: answer.attempts,
          attemptCount: answer.attempts.length + 1,
          resumes: 0,
          ttftMs: performance.now() - startedAt,
        }
  return { served, chunks: resumed(first, iterator) }
}
