import { InferenceError } from '../../protocol/index.ts'
import { asArray } from '../http/index.ts'

/** Token ids that an engine tells; what is none counts as absent. */
export function tokenIdsIn(list: unknown): readonly number[] {
  return asArray(list).filter((id): id is number => Number.isSafeInteger(id))
}

/** Ids of an answer that are none of the engine's vocabulary: evidence against whoever gave them. */
export function refusedCompletion(cause: InferenceError): InferenceError {
  const details = { param: 'completion' }
  return new InferenceError('invalid_request', cause.message, { cause, details })
}
