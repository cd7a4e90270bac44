import type { Logger, PeerDiscovery, PeerInfo } from '@libp2p/interface'
import { type MulticastDNSComponents, type MulticastDNSInit, mdns } from '@libp2p/mdns'
import type { Multiaddr } from '@multiformats/multiaddr'
import { scopeOfIp } from './address-scope.ts'

/** What is used of the service beside its interface: it tells who is there, and not who said so. */
interface Inner extends PeerDiscovery {
  start(): Promise<void>
  _onMdnsResponse(packet: unknown, from?: { readonly address: string }): void
  readonly mdns?: { update(): void }
}

/** A peer that announced itself on the LAN. */
export interface Neighbour extends PeerInfo {
  /** Its addresses that are the sender's own: only the sender vouches for private ones. */
  readonly vouched: readonly Multiaddr[]
}

/** mDNS that tells for each peer which addresses the packet itself came from. */
export interface Neighbours extends PeerDiscovery {
  onNeighbour(listener: (neighbour: Neighbour) => void): void
}

export function neighbours(
  init: MulticastDNSInit,
): (components: MulticastDNSComponents) => Neighbours {
  return (components) => {
    const service = mdns(init)(components) as unknown as Inner & Neighbours
    const log = components.logger.forComponent('skein:neighbours')
    let sender = ''
    const respond = service._onMdnsResponse.bind(service)
    service._onMdnsResponse = (packet, from) => {
      sender = from?.address ?? ''
      // Listeners are called before this returns.
      respond(packet)
      sender = ''
    }
    const start = service.start.bind(service)
    service.start = () => {
      const started = start()
      if (service.mdns !== undefined) guardUpdate(service.mdns, log)
      return started
    }
    service.onNeighbour = (listener) => {
      service.addEventListener('peer', ({ detail }) => {
        listener({ ...detail, vouched: vouchedBy(sender, detail.multiaddrs) })
      })
    }
    return service
  }
}

/** Those on the sender's own IP address, unless that is where no peer may be. */
export function vouchedBy(sender: string, addresses: readonly Multiaddr[]): readonly Multiaddr[] {
  if (scopeOfIp(sender) === 'forbidden') return []
  return addresses.filter((address) => {
    const components = address.getComponents()
    const ips = components.filter(({ name }) => name === 'ip4' || name === 'ip6')
    return ips.length === 1 && ips[0] === components[0] && ips[0]?.value === sender
  })
}

/** It lists the machine's interfaces from a timer, which throws when file descriptors have run out. */
function guardUpdate(inner: { update(): void }, log: Logger): void {
  const update = inner.update.bind(inner)
  inner.update = () => {
    try {
      update()
    } catch (error) {
      log.error('cannot list the interfaces - %e', error)
    }
  }
}
