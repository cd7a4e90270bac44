import { WrongShape } from '../../backend/index.ts'
import { type ErrorKind, InferenceError } from '../../protocol/index.ts'

/** Kinds of failures whose message from the engine reaches the client. Other details stay in the log. */
const SHOWN_KINDS: ReadonlySet<ErrorKind> = new Set(['absent', 'busy', 'claim'])

function isShown({ code, traits: { kind, fromPeer } }: InferenceError): boolean {
  return code === 'not_resumable' || (fromPeer && SHOWN_KINDS.has(kind))
}

/** The client's error when its upload breaks the protocol: the fault is in the request. */
export function uploadFailure(error: unknown): InferenceError {
  if (!(error instanceof InferenceError)) return internalFailure(error)
  if (error.traits.fromPeer) return error
  return new InferenceError('invalid_request', error.message, { cause: error })
}

/** The client's error when the engine fails: a code, without details of the machine. */
export function engineFailure(error: unknown): InferenceError {
  if (error instanceof InferenceError && isShown(error)) return error
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
