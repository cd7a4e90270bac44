import { peerIdFromString } from '@libp2p/peer-id'
import { InferenceError } from '../../protocol/index.ts'

/** Peers that the operator allows and denies. */
export interface AccessLists {
  /** Peer ids. Empty: all peers. */
  readonly allow: Pick<ReadonlySet<string>, 'has' | 'size'>
  /** Peer ids. Wins over `allow`. */
  readonly deny: Pick<ReadonlySet<string>, 'has'>
}

/**
 * Normalizes peer ids to the form that connections use.
 *
 * @throws InferenceError `invalid_request` for an invalid peer ID: a typing error in `deny` would admit the peer.
 */
export function peerIdSet(names: readonly string[] = []): ReadonlySet<string> {
  return new Set(
    names.map((name) => {
      try {
        return peerIdFromString(name.trim()).toString()
      } catch (cause) {
        throw new InferenceError('invalid_request', `'${name}' is not a valid peer ID`, { cause })
      }
    }),
  )
}

/** @throws InferenceError `unauthorized` */
export function checkAccess(lists: AccessLists, peer: string): void {
  const refused = lists.deny.has(peer) || (lists.allow.size > 0 && !lists.allow.has(peer))
  if (refused) throw new InferenceError('unauthorized', 'this node does not serve you')
}
