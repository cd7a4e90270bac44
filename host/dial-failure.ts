import { InferenceError } from '../protocol/index.ts'

/** Why a dial failed, as a message for the operator of the host. */
export function explainDialFailure(error: unknown, privateSwarm: boolean): string {
  const errors = error instanceof AggregateError ? error.errors : [error]
  const reasons = new Set(errors.map((one) => reason(one, privateSwarm)))
  return [...reasons].join('; ')
}

function reason(error: unknown, privateSwarm: boolean): string {
  if (!(error instanceof Error)) return String(error)
  const otherSwarm = privateSwarm
    ? ', or its swarm key is another one'
    : ', or its swarm is private'
  if (InferenceError.is(error, 'deadline_exceeded')) return `no answer in time${otherSwarm}`
  switch (error.name) {
    case 'TimeoutError':
    case 'AbortError':
      return `no answer in time${otherSwarm}`
    case 'EncryptionFailedError':
    case 'UnexpectedEOFError':
    case 'ConnectionClosedError':
    case 'StreamResetError':
      return `it hung up during the handshake${otherSwarm} (${error.message})`
    default:
      return error.message
  }
}
