import type { Answer, ServedChunk } from '../../client/index.ts'
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
  const result = await within(first, waitMs)
  const chunks = resumed(first, iterator)
  if (result === undefined || result.done === true) return { served: undefined, chunks }
  const { attempts } = answer
  const { model, skein } = result.value
  const served = {
    peerId: skein.peerId,
    ...(skein.swarm !== undefined && { swarm: skein.swarm }),
    ...{ model, attempts, attemptCount: attempts.length + 1, resumes: 0 },
    ttftMs: performance.now() - startedAt,
  }
  return { served, chunks }
}
