import { isIPv4 } from 'node:net'
import { isPrivateIp } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * The public networks that a peer's addresses lie in: /24 of IPv4, /48 of IPv6, the usual allocation of one operator.
 * A relay's address does not locate the peer behind it, and on a LAN all are neighbours: neither counts.
 */
export function subnetsOf(addresses: readonly Multiaddr[]): ReadonlySet<string> {
  const known = KNOWN.get(addresses)
  if (known !== undefined) return known
  const subnets = computed(addresses)
  KNOWN.set(addresses, subnets)
  return subnets
}

/** Asked for each candidate at each choice, while advertisements stay the same for minutes: half of a choice's time. */
const KNOWN = new WeakMap<readonly Multiaddr[], ReadonlySet<string>>()

function computed(addresses: readonly Multiaddr[]): ReadonlySet<string> {
  return new Set(addresses.flatMap((address) => networkOf(address) ?? []))
}

/** The public network of one address, by the rules of {@link subnetsOf}; `undefined` where it does not count. */
export function networkOf(address: Multiaddr): string | undefined {
  if (!NETWORKS.has(address)) NETWORKS.set(address, computedNetwork(address))
  return NETWORKS.get(address)
}

/** Asked for each stream that a peer opens, always with the address of its connection. */
const NETWORKS = new WeakMap<Multiaddr, string | undefined>()

function computedNetwork(address: Multiaddr): string | undefined {
  const components = address.getComponents()
  if (components.some(({ name }) => name === 'p2p-circuit')) return undefined
  const ip = components.find(({ name }) => name === 'ip4' || name === 'ip6')?.value
  if (ip === undefined || MAPPED.test(ip) || isPrivateIp(ip) !== false) return undefined
  return isIPv4(ip) ? ip.split('.').slice(0, 3).join('.') : firstGroups(ip, 3)
}

/** An IPv4-mapped IPv6 address: its first groups are the same for all. */
const MAPPED = /^::ffff:/i

/** The first groups of an IPv6 address, each without leading zeros. A `::` among them stands for zeros. */
function firstGroups(ip: string, count: number): string {
  const [head = '', tail] = ip.toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    groups.push(...Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0'), ...after)
  }
  return groups
    .slice(0, count)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
