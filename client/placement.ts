/**
 * Marks a request as a part of a larger piece of work. It goes to the peer that is least loaded for its size, wherever
 * its prompt may be warm, so that the parts spread over all peers.
 */
export interface Placement {
  /** Peers, as text, that are not asked: they have a copy of this part. */
  readonly avoid?: ReadonlySet<string>
  /** Told of each peer, as text, that the part goes to. */
  readonly onPeer?: (peerId: string) => void
}
