import { InferenceError } from '../../protocol/index.ts'
import { listAt, wrongShape } from '../shapes/index.ts'

/** Reads token ids from an engine. @throws InferenceError `engine_failed` for anything else */
export function tokenIdsIn(list: unknown, path = 'tokens'): readonly number[] {
  return listAt(list, path).map((id, at) => {
    if (Number.isSafeInteger(id) && (id as number) >= 0) return id as number
    throw wrongShape(`${path}.${at}`, id, 'a token id')
  })
}

/** Ids of an answer that the engine's vocabulary lacks: evidence against the peer that gave them. */
export function refusedCompletion(cause: InferenceError): InferenceError {
  const details = { param: 'completion' }
  return new InferenceError('invalid_request', cause.message, { cause, details })
}
