import type { ModelListing } from '../../client/index.ts'
import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
/**
 * Whether `num_ctx` asks for no more than what is served. It then changes nothing: a peer has the context that it has,
 * and a prompt that does not fit is an error there, where Ollama would cut it.
 *
 * @throws InferenceError `invalid_request` where the model is known, and everybody serves it with less
 */
export function checkContext(
  model: string,
  contextLength: number,
  listings: readonly ModelListing[],
): void {
  const id = normalizeModelId(model)
  const listing = listings.find((known) => known.id === id || known.aliases.includes(id))
  const longest = listing?.contextLength ?? 0
  if (longest === 0 || contextLength <= longest) return
  throw new InferenceError(
    'invalid_request',
    `options.num_ctx: '${id}' is served with a context of ${longest} at most`,
    { details: { param: 'options.num_ctx' } },
  )
}
