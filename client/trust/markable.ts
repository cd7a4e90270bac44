import type { PeerId } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'
import { parsePeerId } from '../request/index.ts'

/**
 * @returns the id of a peer that can be denied or trusted, as connections write it
 * @throws InferenceError `invalid_request` for an invalid id, and for this peer's own
 */
export function markable(peer: string, self: PeerId): string {
  const id = parsePeerId(peer.trim())
  if (id === undefined) throw refused(`'${peer}' is not a valid peer ID`)
  if (id.equals(self)) throw refused('a peer can deny or trust others only')
  return id.toString()
}

function refused(why: string): InferenceError {
  return new InferenceError('invalid_request', why, { details: { param: 'peer' } })
}
