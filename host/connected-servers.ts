import type { Libp2p, PeerId } from '@libp2p/interface'
import { PROTOCOLS } from '../protocol/index.ts'
import { listenUntil } from './listen-until.ts'

/** Connected peers that serve the DHT, as identified so far. */
export async function connectedServers(
  libp2p: Pick<Libp2p, 'getPeers' | 'peerStore'>,
): Promise<PeerId[]> {
  const servers: PeerId[] = []
  for (const peer of libp2p.getPeers()) {
    if (await isServer(libp2p, peer)) servers.push(peer)
  }
  return servers
}

/** Whether any is connected, as identified so far. */
export async function hasServer(libp2p: Pick<Libp2p, 'getPeers' | 'peerStore'>): Promise<boolean> {
  for (const peer of libp2p.getPeers()) if (await isServer(libp2p, peer)) return true
  return false
}

async function isServer({ peerStore }: Pick<Libp2p, 'peerStore'>, peer: PeerId): Promise<boolean> {
  const known = await peerStore.get(peer).catch(() => undefined)
  return known?.protocols.includes(PROTOCOLS.kad) === true
}

/** Calls the listener when peers connect, are identified or disconnect, until the signal fires. */
export function onPeers(
  libp2p: Pick<Libp2p, 'addEventListener' | 'removeEventListener'>,
  listener: () => void,
  { signal }: { readonly signal: AbortSignal },
): void {
  listenUntil(signal, libp2p, {
    'peer:identify': listener,
    'peer:connect': listener,
    'peer:disconnect': listener,
  })
}
