import type { AbortOptions, Libp2p, PeerId, PeerInfo } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { Multiaddr } from '@multiformats/multiaddr'
import { openScope } from '../timing/index.ts'

/** A few round trips. The caller can try other peers meanwhile. */
const TIMEOUT_MS = 2_000

/**
 * Looks up a peer's current addresses in the DHT, as it may have changed its network or its relays. Returns at the
 * first addresses that were not known; they are stored for dialling.
 *
 * @returns whether there are any
 */
export async function findFreshAddresses(
  init: {
    readonly libp2p: Pick<Libp2p, 'peerStore'>
    readonly dht: Pick<KadDHT, 'getClosestPeers'>
    /** Fires when the host stops. */
    readonly signal: AbortSignal
  },
  peer: PeerId,
  options: AbortOptions = {},
): Promise<boolean> {
  using scope = openScope({ timeoutMs: TIMEOUT_MS }, { signal: options.signal, owner: init.signal })
  const { peerStore } = init.libp2p
  const known = new Set((await addressesOf(peerStore, peer)).map(String))
  const key = peer.toMultihash().bytes
  try {
    for await (const event of init.dht.getClosestPeers(key, { signal: scope.signal })) {
      if (event.name !== 'PEER_RESPONSE') continue
      const found = event.closer.find(({ id }: PeerInfo) => id.equals(peer))?.multiaddrs ?? []
      if (!found.some((address) => !known.has(address.toString()))) continue
      await peerStore.merge(peer, { multiaddrs: found })
      return true
    }
  } catch {
    // No peer to ask, or none answered in time.
  }
  // The query itself may have stored them first.
  return (await addressesOf(peerStore, peer)).some((address) => !known.has(address.toString()))
}

async function addressesOf(
  peerStore: Libp2p['peerStore'],
  peer: PeerId,
): Promise<readonly Multiaddr[]> {
  const entry = await peerStore.get(peer).catch(() => undefined)
  return entry?.addresses.map(({ multiaddr }) => multiaddr) ?? []
}
