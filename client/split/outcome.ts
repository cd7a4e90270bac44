import type { ServedBy } from '../answer/index.ts'
import { servedBy } from '../pipeline/index.ts'
import type { RequestEvent } from '../request/index.ts'
import { PartialFailure } from './partial-failure.ts'
import type { FailedItems } from './split-call.ts'
/**
 * The failure of a call of which `failed` is what did not arrive.
 *
 * @param answer what did; absent where it was shown already, or there is none
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
  // All for the same reason, or at least for the first one: that reason says most.
  if (items.length >= count) return failed[0]?.error
  const attempts = event?.attempts ?? []
  const details = { items, ...(attempts.length > 0 && { attempts }) }
  return new PartialFailure(count, details, answer)
}

/** How the parts of a whole answer came about, as one. */
export function servedOf(event: RequestEvent | undefined, peerId: string): ServedBy {
  if (event === undefined) throw new Error('unreachable: an answered part has ended')
  return { skein: servedBy(event, peerId) }
}
