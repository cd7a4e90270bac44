import { InferenceError } from '../protocol/index.ts'

/** Why a dial failed, as a message for the operator of the host. */
export function explainDialFailure(error: unknown, privateSwarm: boolean): string {
  const errors = error instanceof AggregateError ? error.errors : [error]
  const reasons = new Set(errors.map((one) => reason(one, privateSwarm)))
  return [...reasons].join('; ')
}

/** What the Noise handshake says of a peer with another identity than the address names. */
const ANOTHER_PEER = /Payload identity key (\w+) does not match expected remote identity key/

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
    case 'EncryptionFailedError': {
      const other = ANOTHER_PEER.exec(error.message)?.[1]
      if (other !== undefined) {
        return `another peer answers at this address, ${other}: the one that was named moved, or lost its identity. If that is the right machine, name its present address`
      }
      return hungUp(error, otherSwarm)
    }
    case 'UnexpectedEOFError':
    case 'ConnectionClosedError':
    case 'StreamResetError':
      return hungUp(error, otherSwarm)
    default:
      return error.message
  }
}

function hungUp({ message }: Error, otherSwarm: string): string {
  return `it hung up during the handshake${otherSwarm} (${message})`
}
