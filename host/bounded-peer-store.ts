import type { PeerId, PeerStore } from '@libp2p/interface'

/** Peers whose addresses and protocols are kept: far more than a host is connected to, or has in its book. */
const MAX_PEERS = 4_096
/** Peers that are looked at for one new peer. Few are needed, or have tags: those of the DHT's table, relays and bootstrap peers. */
const MAX_TRIED = 16

export interface PeerStoreBounds {
  /** Whether the peer is needed: it is connected, or known by more than hearsay. Those with tags are kept as well. */
  readonly isKept: (peer: PeerId) => boolean
  /** @default 4096 */
  readonly maxPeers?: number
}

/**
 * Has a peer store forget the peers that were written longest ago. The store of libp2p keeps each peer that it has met, or
 * that a DHT server has named, and deletes none before it is looked at again: identities are free, and would fill the disk.
 */
export async function boundPeerStore(
  peerStore: PeerStore,
  { isKept, maxPeers = MAX_PEERS }: PeerStoreBounds,
): Promise<void> {
  /** Written longest ago first. */
  const stored = new Map<string, PeerId>()
  const note = (peer: PeerId): void => {
    const key = peer.toString()
    stored.delete(key)
    stored.set(key, peer)
  }
  const hasTags = async (peer: PeerId): Promise<boolean> => {
    const known = await peerStore.get(peer).catch(() => undefined)
    return (known?.tags.size ?? 0) > 0
  }
  const forgetOldest = async (): Promise<void> => {
    for (let tried = 0; stored.size > maxPeers && tried < MAX_TRIED; tried += 1) {
      const [[key, peer] = []] = stored
      if (key === undefined || peer === undefined) return
      // Before the wait: another write may look for the oldest meanwhile.
      stored.delete(key)
      const isTagged = await hasTags(peer)
      if (isTagged || isKept(peer)) note(peer)
      // Unless it was written during the wait.
      else if (!stored.has(key)) await peerStore.delete(peer)
    }
  }
  for (const method of ['save', 'patch', 'merge'] as const) {
    const write = peerStore[method].bind(peerStore)
    peerStore[method] = async (peer, data, options) => {
      const written = await write(peer, data, options)
      note(peer)
      await forgetOldest()
      return written
    }
  }
  const forget = peerStore.delete.bind(peerStore)
  peerStore.delete = async (peer, options) => {
    stored.delete(peer.toString())
    await forget(peer, options)
  }
  // Those of earlier runs.
  for (const { id } of await peerStore.all()) note(id)
  while (stored.size > maxPeers) {
    const before = stored.size
    await forgetOldest()
    if (stored.size === before) return
  }
}
