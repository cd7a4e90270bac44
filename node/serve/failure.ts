import { WrongShape } from '../../backend/index.ts'
import { type ErrorCode, InferenceError } from '../../protocol/index.ts'

/** Codes whose message from the engine reaches the client. Other details stay in the log. */
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

/** The client's error when its upload breaks the protocol: the fault is in the request. */
export function uploadFailure(error: unknown): InferenceError {
  if (!(error instanceof InferenceError)) return internalFailure(error)
  if (error.traits.fromPeer) return error
  return new InferenceError('invalid_request', error.message, { cause: error })
}

/** The client's error when the engine fails: a code, without details of the machine. */
export function engineFailure(error: unknown): InferenceError {
  if (error instanceof InferenceError && ENGINE_CODES.has(error.code)) return error
  // No details of the machine, only what a caller needs to report the engine.
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
