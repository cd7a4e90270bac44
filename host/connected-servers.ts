import type { Libp2p, PeerId } from '@libp2p/interface'
import { PROTOCOLS } from '../protocol/index.ts'

/** Connected peers that serve the DHT, as identified so far. */
export async function connectedServers(
  libp2p: Pick<Libp2p, 'getPeers' | 'peerStore'>,
): Promise<PeerId[]> {
  const servers: PeerId[] = []
  for (const peer of libp2p.getPeers()) {
    const known = await libp2p.peerStore.get(peer).catch(() => undefined)
    if (known?.protocols.includes(PROTOCOLS.kad) === true) servers.push(peer)
  }
  return servers
}

/** Calls the listener when peers connect, are identified or disconnect, until the signal fires. */
export function onPeers(
  libp2p: Pick<Libp2p, 'addEventListener' | 'removeEventListener'>,
  listener: () => void,
  { signal }: { readonly signal: AbortSignal },
): void {
  const events = ['peer:identify', 'peer:connect', 'peer:disconnect'] as const
  for (const event of events) libp2p.addEventListener(event, listener)
  const stop = (): void => {
    for (const event of events) libp2p.removeEventListener(event, listener)
  }
  signal.addEventListener('abort', stop, { once: true })
}
