import type { InferenceError } from './errors.ts'

/** Models named in a message. */
const MAX_NAMED = 12

/** A model that is served, of those that an error lists. */
export type AvailableModel = NonNullable<
  InferenceError<'model_not_found'>['details']['available']
>[number]

/**
 * The message of an error with the models that are served instead, if its details have any. No message has them before:
 * where it is shown decides which of them its reader may know.
 */
export function messageWithModels(error: InferenceError): string {
  const { available = [] } = error.detailsOf('model_not_found')
  return available.length === 0
    ? error.message
    : `${error.message}. Available: ${listed(available)}`
}

function listed(available: readonly AvailableModel[]): string {
  const named = available
    .slice(0, MAX_NAMED)
    .map(({ model, peers }) => `${model} (${peers} ${peers === 1 ? 'peer' : 'peers'})`)
  const more = available.length - named.length
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '')
}
