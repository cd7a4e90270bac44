import { isIPv4 } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Origin of a connection. Unlike a subnet, it covers LANs and loopback, too. */
export interface Origin {
  readonly address: string
  /** /24 of IPv4, /48 of IPv6. */
  readonly network: string
}

const RELAYED: Origin = { address: 'relayed', network: 'relayed' }

export function originOf(remote: Multiaddr): Origin {
  const components = remote.getComponents()
  if (components.some(({ name }) => name === 'p2p-circuit')) return RELAYED
  const ip = components.find(({ name }) => name === 'ip4' || name === 'ip6')?.value
  if (ip === undefined) return { address: remote.toString(), network: 'other' }
  if (isIPv4(ip)) return { address: ip, network: ip.split('.').slice(0, 3).join('.') }
  const groups = ip.split('::')[0]?.split(':') ?? []
  // A host that has one address of IPv6 has a /64 of them.
  return { address: groups.slice(0, 4).join(':'), network: groups.slice(0, 3).join(':') }
}
