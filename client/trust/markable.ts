import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { InferenceError } from '../../protocol/index.ts'

/**
 * @returns the id of a peer that can be denied or trusted, as connections write it
 * @throws InferenceError `invalid_request` for an invalid id, and for this peer's own
 */
export function markable(peer: string, self: PeerId): string {
  const id = parsed(peer)
  if (id === undefined) throw refused(`'${peer}' is not a valid peer ID`)
  if (id.equals(self)) throw refused('a peer can deny or trust others only')
  return id.toString()
}

function parsed(peer: string): PeerId | undefined {
  try {
    return peerIdFromString(peer.trim())
  } catch {
    return undefined
  }
}

function refused(why: string): InferenceError {
  return new InferenceError('invalid_request', why, { details: { param: 'peer' } })
}
