import type { PeerData, PeerId, PeerStore } from '@libp2p/interface'
import { LRUCache } from 'lru-cache'

/** Kept times; what is evicted is renewed at its next sight. */
const MAX_KEPT = 8_192
/** An address lives for an hour after it was last renewed. Peers repeat theirs at least every half hour. */
const RENEW_MS = 15 * 60_000

/**
 * Has a peer store count the age of an address from when it was seen last. The store of libp2p counts from the first
 * time (`@libp2p/peer-store` 12): after an hour it hides an address however often it is seen, and a peer that stays
 * where it is cannot be dialled, nor found through this host. An address that is stored anew has a new age, so one that
 * is seen again is deleted first. Readers wait meanwhile.
 *
 * @param now milliseconds
 */
export function renewAddresses(peerStore: PeerStore, self: PeerId, now: () => number): void {
  const renewedAtMs = new LRUCache<string, number>({ max: MAX_KEPT })
  const renewing = new Map<string, Promise<void>>()
  const get = peerStore.get.bind(peerStore)
  const patch = peerStore.patch.bind(peerStore)

  const forget = async (peer: PeerId, due: ReadonlySet<string>): Promise<void> => {
    const known = await get(peer).catch(() => undefined)
    if (known === undefined) return
    // Those that are hidden by now are left out as well.
    const addresses = known.addresses.filter(({ multiaddr }) => !due.has(multiaddr.toString()))
    await patch(peer, { addresses })
  }

  const renewed = async <T>(peer: PeerId, data: PeerData, write: () => Promise<T>): Promise<T> => {
    const key = peer.toString()
    const suffix = `/p2p/${key}`
    const given = [...(data.multiaddrs ?? []), ...(data.addresses ?? []).map(multiaddrOf)].map(
      (address) => address.toString().replace(suffix, ''),
    )
    const nowMs = now()
    const due = given.filter(
      (address) => nowMs - (renewedAtMs.get(key + address) ?? -RENEW_MS) >= RENEW_MS,
    )
    if (due.length === 0 || peer.equals(self) || renewing.has(key)) return await write()
    for (const address of due) renewedAtMs.set(key + address, nowMs)
    const writing = forget(peer, new Set(due)).then(write)
    const settled = writing.then(
      () => {},
      () => {},
    )
    renewing.set(key, settled)
    try {
      return await writing
    } finally {
      renewing.delete(key)
    }
  }

  const merge = peerStore.merge.bind(peerStore)
  peerStore.merge = (peer, data, options) => renewed(peer, data, () => merge(peer, data, options))
  peerStore.patch = (peer, data, options) => renewed(peer, data, () => patch(peer, data, options))
  peerStore.get = async (peer, options) => {
    await renewing.get(peer.toString())
    return await get(peer, options)
  }
}

const multiaddrOf = <T>({ multiaddr }: { readonly multiaddr: T }): T => multiaddr
