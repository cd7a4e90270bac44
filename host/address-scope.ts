import { BlockList, isIPv4, isIPv6 } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * Where an IP address leads. `private`: the LAN (RFC 1918, ULA) and isolated networks. `shared`: carrier or overlay networks (RFC 6598).
 * `forbidden`: link-local, metadata services, unspecified, multicast, reserved and tunnelled ranges; no legitimate
 * peer listens there.
 */
export type AddressScope = 'public' | 'private' | 'shared' | 'loopback' | 'forbidden'

/** Where dialling a multiaddr leads. */
export type DialTarget =
  | { readonly kind: 'ip'; readonly scopes: readonly AddressScope[] }
  | { readonly kind: 'name'; readonly name: string; readonly family: 0 | 4 | 6 }
  | { readonly kind: 'other' }

type Subnet = readonly [network: string, prefix: number]

const V4: readonly (readonly [AddressScope, readonly Subnet[]])[] = [
  [
    'forbidden',
    [
      ['0.0.0.0', 8],
      ['100.100.100.200', 32],
      ['168.63.129.16', 32],
      ['169.254.0.0', 16],
      ['192.0.0.0', 24],
      ['192.88.99.0', 24],
      ['224.0.0.0', 3],
    ],
  ],
  ['loopback', [['127.0.0.0', 8]]],
  [
    'private',
    [
      ['10.0.0.0', 8],
      ['172.16.0.0', 12],
      ['192.168.0.0', 16],
      // For documents and benchmarks (RFC 5737, 2544): no public peer has one, sandboxes and test networks do.
      ['192.0.2.0', 24],
      ['198.18.0.0', 15],
      ['198.51.100.0', 24],
      ['203.0.113.0', 24],
    ],
  ],
  ['shared', [['100.64.0.0', 10]]],
]

const V6: readonly (readonly [AddressScope, readonly Subnet[]])[] = [
  ['loopback', [['::1', 128]]],
  [
    'forbidden',
    [
      // Unspecified, IPv4-compatible, and NAT64, which all lead to an IPv4 address that the text does not show.
      ['::', 96],
      ['64:ff9b::', 96],
      ['64:ff9b:1::', 48],
      ['100::', 64],
      // Teredo and 6to4 tunnels.
      ['2001::', 32],
      ['2002::', 16],
      ['2001:db8::', 32],
      ['fd00:ec2::254', 128],
      ['fe80::', 10],
      ['fec0::', 10],
      ['ff00::', 8],
    ],
  ],
  ['private', [['fc00::', 7]]],
]

function blockLists(
  table: readonly (readonly [AddressScope, readonly Subnet[]])[],
  family: 'ipv4' | 'ipv6',
): readonly (readonly [AddressScope, BlockList])[] {
  return table.map(([scope, subnets]) => {
    const list = new BlockList()
    for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family)
    return [scope, list]
  })
}

const V4_LISTS = blockLists(V4, 'ipv4')
const V6_LISTS = blockLists(V6, 'ipv6')
const MAPPED = new BlockList()
MAPPED.addSubnet('::ffff:0:0', 96, 'ipv6')

/** Scope of an address in text form; `forbidden` if it is not an address. */
export function scopeOfIp(ip: string): AddressScope {
  if (isIPv4(ip)) {
    return V4_LISTS.find(([, list]) => list.check(ip, 'ipv4'))?.[0] ?? 'public'
  }
  if (!isIPv6(ip) || ip.includes('%')) return 'forbidden'
  if (MAPPED.check(ip, 'ipv6')) {
    // A BlockList of IPv4 ranges also matches their mapped form.
    return V4_LISTS.find(([, list]) => list.check(ip, 'ipv6'))?.[0] ?? 'public'
  }
  return V6_LISTS.find(([, list]) => list.check(ip, 'ipv6'))?.[0] ?? 'public'
}

/** What dialling the address would connect to. Every IP address in it counts, and a zone is never a stranger's to name. */
export function dialTarget(address: Multiaddr): DialTarget {
  const components = address.getComponents()
  const first = components[0]
  // A WebSocket goes to the name in `sni`, whatever address stands before it.
  if (components.some(({ name }) => name === 'sni')) return { kind: 'other' }
  switch (first?.name ?? '') {
    case 'ip4':
    case 'ip6': {
      const ips = components.filter(({ name }) => name === 'ip4' || name === 'ip6')
      return { kind: 'ip', scopes: ips.map(({ value }) => scopeOfIp(value ?? '')) }
    }
    case 'dns':
    case 'dns4':
    case 'dns6':
      return {
        kind: 'name',
        name: (first?.value ?? '').toLowerCase(),
        family: first?.name === 'dns4' ? 4 : first?.name === 'dns6' ? 6 : 0,
      }
    default:
      return { kind: 'other' }
  }
}

/** Whether any host on the Internet could dial the address. A host name counts as public. */
export function isPublicAddress(address: Multiaddr): boolean {
  const target = dialTarget(address)
  if (target.kind === 'name') return true
  return target.kind === 'ip' && target.scopes.every((scope) => scope === 'public')
}
