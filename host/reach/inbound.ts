import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { endpointOf, type OwnAddress, publicIpOf } from './own-address.ts'

/**
 * The address of ours that a connection from outside has come in by, where it can only be one: libp2p does not say.
 * `undefined` for a connection from this machine or a private network, through a relay, or one that we opened.
 */
export function addressReachedBy(
  connection: Pick<Connection, 'direction' | 'remoteAddr'>,
  own: readonly OwnAddress[],
  ownIps: ReadonlySet<string>,
): string | undefined {
  const { direction, remoteAddr } = connection
  const from = publicIpOf(remoteAddr)
  const via = endpointOf(remoteAddr)
  if (direction !== 'inbound' || from === undefined || via === undefined) return undefined
  if (ownIps.has(from)) return undefined
  const possible = own.filter(({ address }) => {
    const endpoint = endpointOf(multiaddr(address))
    return endpoint?.family === via.family && endpoint.webSocket === via.webSocket
  })
  const [only, ...others] = possible
  // What a router hands on may as well have come from its other side.
  return others.length === 0 && only?.source === 'interface' ? only.address : undefined
}
