import { WrongShape } from '../../backend/index.ts'
import { type ErrorCode, InferenceError } from '../../protocol/index.ts'

/** What an engine may say of a request in its own words. Anything else of its inside stays in the log. */
const ENGINE_CODES: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'capability_unavailable',
  'context_too_long',
  'model_not_found',
  'not_resumable',
  'over_capacity',
  'loading',
  'rate_limited',
])

/** What a client is told when its upload breaks the protocol: the fault is in the request. */
export function uploadFailure(error: unknown): InferenceError {
  if (!(error instanceof InferenceError)) return internalFailure(error)
  if (error.traits.fromPeer) return error
  return new InferenceError('invalid_request', error.message, { cause: error })
}

/** What a client is told when the engine fails: a code, and nothing of the machine. */
export function engineFailure(error: unknown): InferenceError {
  if (error instanceof InferenceError && ENGINE_CODES.has(error.code)) return error
  // Says nothing of the machine, and what a caller needs to report the engine.
  if (error instanceof WrongShape) return error
  return new InferenceError('engine_failed', "the engine failed; the node's log says why", {
    cause: error,
  })
}

function internalFailure(error: unknown): InferenceError {
  return new InferenceError('internal', "the node failed; the node's log says why", {
    cause: error,
  })
}
