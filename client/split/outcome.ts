import type { ServedBy } from '../answer/index.ts'
import { servedBy } from '../pipeline/index.ts'
import type { RequestEvent } from '../request/index.ts'
import { PartialFailure } from './partial-failure.ts'
import type { FailedItems } from './split-call.ts'

/**
 * The error of a split call with failed items.
 *
 * @param answer the items that arrived; absent if the caller already has them, or if no item arrived
 */
export function failureOf<T>(
  count: number,
  failed: readonly FailedItems[],
  event: RequestEvent | undefined,
  answer?: T,
): unknown {
  const items = failed
    .flatMap(({ items, error: { code, message } }) =>
      items.map((index) => ({ index, code, message })),
    )
    .sort((a, b) => a.index - b.index)
  // If all items failed, the first error is more informative than a partial failure.
  if (items.length >= count) return failed[0]?.error
  const attempts = event?.attempts ?? []
  const details = { items, ...(attempts.length > 0 && { attempts }) }
  return new PartialFailure(count, details, answer)
}

/** The `skein` field of an answer merged from parts. */
export function servedOf(event: RequestEvent | undefined, peerId: string): ServedBy {
  if (event === undefined) throw new Error('unreachable: an answered part has ended')
  return { skein: servedBy(event, peerId) }
}
