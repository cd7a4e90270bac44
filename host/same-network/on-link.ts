import { BlockList, isIPv4 } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import type { Multiaddr } from '@multiformats/multiaddr'
import { scopeOfIp } from '../address-scope.ts'
import { endpointOf } from '../reach/index.ts'
import { SAME_NETWORK } from './limits.ts'

/**
 * Whether an address is a TCP port in a private network that one of this machine's interfaces is in: a peer there may be
 * a neighbour. Never a loopback or link-local address, nor a port of a system service.
 */
export function isOnLink(
  address: Multiaddr,
  interfaces: readonly NetworkInterfaceInfo[] = Object.values(networkInterfaces()).flatMap(
    (entries) => entries ?? [],
  ),
): boolean {
  const endpoint = endpointOf(address)
  if (endpoint === undefined || endpoint.port < SAME_NETWORK.minPort) return false
  if (scopeOfIp(endpoint.ip) !== 'private') return false
  const networks = new BlockList()
  for (const { cidr, internal } of interfaces) {
    const [ip = '', prefix = ''] = cidr?.split('/') ?? []
    if (internal || ip === '' || scopeOfIp(ip) !== 'private') continue
    networks.addSubnet(ip, Number(prefix), isIPv4(ip) ? 'ipv4' : 'ipv6')
  }
  return networks.check(endpoint.ip, endpoint.family === 4 ? 'ipv4' : 'ipv6')
}
