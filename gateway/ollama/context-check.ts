import type { ModelListing } from '../../client/index.ts'
import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
/**
 * Accepts `num_ctx` up to the longest context served. It then has no effect: a peer's context is fixed,
 * and a prompt that does not fit is an error, where Ollama would truncate it.
 *
 * @throws InferenceError `invalid_request` if the model is known, and every peer serves it with less
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
    `options.num_ctx: the longest context that '${id}' is served with is ${longest}`,
    { details: { param: 'options.num_ctx' } },
  )
}
