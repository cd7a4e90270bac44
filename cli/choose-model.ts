import type { Client, ModelListing } from '../client/index.ts'
import { InferenceError, plainLine } from '../protocol/index.ts'
import { UsageError } from './usage-error.ts'
/**
 * The named model, else the only chat model that is served; `auto` if the caller has providers of its own
 * that take part in it.
 *
 * @throws UsageError if several are served; InferenceError `model_not_found` if no chat model is served
 */
export async function chooseModel(
  client: Client,
  named: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  if (named !== undefined) return named
  if (client.names.providers.some(({ models }) => models.length > 0)) return 'auto'
  const models = (await client.models({ signal })).filter(({ capabilities }) =>
    capabilities.includes('chat'),
  )
  return onlyModel(models)
}

export function onlyModel(models: readonly Pick<ModelListing, 'id'>[]): string {
  const [first, ...others] = models
  if (first === undefined)
    throw new InferenceError('model_not_found', 'no peer serves a chat model')
  if (others.length > 0) {
    const ids = models.map(({ id }) => plainLine(id)).join(', ')
    throw new UsageError(`several models are served (${ids}): choose one with --model`)
  }
  return first.id
}
