import type { Multiaddr } from '@multiformats/multiaddr'
import { dialTarget, scopeOfIp } from '../address-scope.ts'
import { isRelayed } from '../relay/index.ts'
import { withoutPeer } from '../without-peer.ts'

/** An address of this host and its source. */
export interface OwnAddress {
  /** Without `/p2p/…` at its end. */
  readonly address: string
  /**
   * `interface`: this machine has it, and the host listens there. `announced`: typed by the operator. `mapped`: a router
   * claims to forward it. `relay`: leads through another peer.
   */
  readonly source: 'interface' | 'announced' | 'mapped' | 'relay'
  /** The scope from which it is reachable. A host name counts as public. */
  readonly reach: 'public' | 'lan' | 'loopback' | 'nowhere'
}

/** The socket that an address names: what a dial-back dials. */
export interface Endpoint {
  readonly family: 4 | 6
  readonly ip: string
  readonly port: number
  readonly webSocket: boolean
}

export function ownAddress(
  address: Multiaddr,
  source: 'interface' | 'announced' | 'mapped',
): OwnAddress {
  const text = withoutPeer(address)
  if (isRelayed(address)) return { address: text, source: 'relay', reach: 'public' }
  return { address: text, source, reach: reachOf(address) }
}

function reachOf(address: Multiaddr): OwnAddress['reach'] {
  const target = dialTarget(address)
  if (target.kind === 'name') return 'public'
  if (target.kind === 'other') return 'nowhere'
  if (target.scopes.includes('forbidden')) return 'nowhere'
  if (target.scopes.includes('loopback')) return 'loopback'
  return target.scopes.every((scope) => scope === 'public') ? 'public' : 'lan'
}

/** TCP, or WebSockets without TLS, at an IP address; `undefined` for anything else. */
export function endpointOf(address: Multiaddr): Endpoint | undefined {
  const [host, tcp, ...rest] = address.getComponents().filter(({ name }) => name !== 'p2p')
  if (
    host?.value === undefined ||
    tcp?.name !== 'tcp' ||
    (host.name !== 'ip4' && host.name !== 'ip6')
  )
    return undefined
  const webSocket = rest.length === 1 && rest[0]?.name === 'ws'
  if (rest.length > 0 && !webSocket) return undefined
  return { family: host.name === 'ip4' ? 4 : 6, ip: host.value, port: Number(tcp.value), webSocket }
}

/** The IP address at the far end of a direct connection, if it is a public one. */
export function publicIpOf(remote: Multiaddr): string | undefined {
  const [host] = remote.getComponents()
  if (isRelayed(remote) || host?.value === undefined) return undefined
  if (host.name !== 'ip4' && host.name !== 'ip6') return undefined
  return scopeOfIp(host.value) === 'public' ? host.value : undefined
}
