import { InferenceError } from '../../protocol/index.ts'

/** Query parameters of a list. */
export interface ListQuery {
  readonly after?: string | undefined
  readonly limit?: string | undefined
  readonly order?: string | undefined
}

/**
 * One page of a list, as OpenAI's SDKs page through it.
 *
 * @param records newest first
 * @throws InferenceError `invalid_request` for an invalid limit
 */
export function listed<T extends { readonly id: string }>(
  records: readonly T[],
  { after, limit, order }: ListQuery,
  { most, shown }: { readonly most: number; readonly shown: (record: T) => object },
): object {
  const size = limit === undefined ? most : Number(limit)
  if (!Number.isInteger(size) || size < 1 || size > most) {
    throw new InferenceError('invalid_request', `limit: a whole number from 1 to ${most}`, {
      details: { param: 'limit' },
    })
  }
  const ordered = order === 'asc' ? records.toReversed() : records
  const start = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after) + 1
  const page = ordered.slice(start, start + size)
  return {
    object: 'list',
    data: page.map(shown),
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: start + size < ordered.length,
  }
}
