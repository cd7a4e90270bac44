import type { Multiaddr } from '@multiformats/multiaddr'
import { scopeOfIp } from '../address-scope.ts'
import { WEB_PORTS } from './limits.ts'
import { endpointOf, publicIpOf } from './own-address.ts'

/**
 * Whether to dial `target` for the peer at the other end of a connection from `remote`: only the very IP address that
 * its question came from, only a public one, and none of ours. So no peer can make us dial a third party, a
 * private network or a metadata service, or the services of our own machine.
 *
 * @param askerId peer id that the connection proved
 * @param ownIps addresses of this machine: a request from one of them does not test the path from outside
 */
export function mayDialBack(
  target: Multiaddr,
  remote: Multiaddr,
  askerId: string,
  ownIps: ReadonlySet<string>,
): boolean {
  const endpoint = endpointOf(target)
  const ip = publicIpOf(remote)
  if (endpoint === undefined || ip === undefined) return false
  const named = target.getComponents().find(({ name }) => name === 'p2p')?.value
  if (named !== undefined && named !== askerId) return false
  if (endpoint.ip !== ip || ownIps.has(ip) || scopeOfIp(endpoint.ip) !== 'public') return false
  return isPeerPort(endpoint.port)
}

/** Whether peers listen at such a port: others below 1024 belong to services of the system. */
export function isPeerPort(port: number): boolean {
  return port >= 1024 || WEB_PORTS.has(port)
}
