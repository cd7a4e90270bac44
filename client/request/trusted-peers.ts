import { peerIdFromString } from '@libp2p/peer-id'
import { InferenceError } from '../../protocol/index.ts'

/** Peers that one list may name. */
const MAX_TRUSTED = 1_024

/**
 * Reads the peers that may see a request. Operator tags are no names here: whoever likes writes any into an
 * advertisement.
 *
 * @param param what the list is called. @default trusted
 * @returns nothing where everyone may
 * @throws InferenceError `invalid_request` for what is no list of peer ids
 */
export function trustedPeers(
  trusted: readonly string[] | undefined,
  param: string = 'trusted',
): ReadonlySet<string> | undefined {
  if (trusted === undefined) return undefined
  if (!Array.isArray(trusted) || trusted.length === 0 || trusted.length > MAX_TRUSTED) {
    throw refused(param, `names 1 to ${MAX_TRUSTED} peers`)
  }
  for (const peer of trusted) {
    if (!isPeerId(peer)) throw refused(param, `'${String(peer)}' is no peer id`)
  }
  return new Set(trusted)
}

function isPeerId(text: unknown): boolean {
  if (typeof text !== 'string') return false
  try {
    peerIdFromString(text)
    return true
  } catch {
    return false
  }
}

function refused(param: string, why: string): InferenceError {
  return new InferenceError('invalid_request', `${param}: ${why}`, { details: { param } })
}
