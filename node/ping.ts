import type { PeerId } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import type { Host } from '../host/index.ts'

/** Only on a connection that is there: a farewell does not dial. */
export async function ping(host: Host, peer: PeerId, signal: AbortSignal): Promise<void> {
  if (host.libp2p.getConnections(peer).length === 0) return
  const { ping: service } = host.libp2p.services as { readonly ping: Ping }
  await service.ping(peer, { signal })
}
