import { InferenceError } from '../../protocol/index.ts'

/** Whom the operator lets in. */
export interface AccessLists {
  /** Peer ids. Empty: everybody. */
  readonly allow: ReadonlySet<string>
  /** Peer ids. Wins over `allow`. */
  readonly deny: ReadonlySet<string>
}

/** @throws InferenceError `unauthorized` */
export function checkAccess(lists: AccessLists, peer: string): void {
  const refused = lists.deny.has(peer) || (lists.allow.size > 0 && !lists.allow.has(peer))
  if (refused) throw new InferenceError('unauthorized', 'this node does not serve you')
}
