import type { Logger, PeerDiscovery, PeerInfo } from '@libp2p/interface'
import { type MulticastDNSComponents, type MulticastDNSInit, mdns } from '@libp2p/mdns'
import type { Multiaddr } from '@multiformats/multiaddr'
import { scopeOfIp } from './address-scope.ts'

/** Parts of the service outside its interface, which reports peers without the sender of the packet. */
interface Inner extends PeerDiscovery {
  start(): Promise<void>
  _onMdnsResponse(packet: unknown, from?: { readonly address: string }): void
  readonly mdns?: { update(): void }
}

/** A peer that announced itself on the LAN. */
export interface Neighbour extends PeerInfo {
  /** Its addresses that are the sender's own: private addresses are accepted from the sender only. */
  readonly vouched: readonly Multiaddr[]
}

/** mDNS that reports, for each peer, the addresses that match the sender of the packet. */
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

/** The addresses with the sender's own IP address, unless its scope is forbidden. */
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
