import { peerIdFromString } from '@libp2p/peer-id'
import { InferenceError } from '../../protocol/index.ts'

/** Whom the operator lets in. */
export interface AccessLists {
  /** Peer ids. Empty: everybody. */
  readonly allow: ReadonlySet<string>
  /** Peer ids. Wins over `allow`. */
  readonly deny: ReadonlySet<string>
}

/**
 * Peer ids as connections spell them, however they were given.
 *
 * @throws InferenceError `invalid_request` for a name that is none: a typing error would let in whom it should keep out.
 */
export function peerIdSet(names: readonly string[] = []): ReadonlySet<string> {
  return new Set(
    names.map((name) => {
      try {
        return peerIdFromString(name.trim()).toString()
      } catch (cause) {
        throw new InferenceError('invalid_request', `'${name}' is no peer id`, { cause })
      }
    }),
  )
}

/** @throws InferenceError `unauthorized` */
export function checkAccess(lists: AccessLists, peer: string): void {
  const refused = lists.deny.has(peer) || (lists.allow.size > 0 && !lists.allow.has(peer))
  if (refused) throw new InferenceError('unauthorized', 'this node does not serve you')
}
