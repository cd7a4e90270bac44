import type { Multiaddr } from '@multiformats/multiaddr'

/** Text of an address without the peer id at its end. */
export function withoutPeer(address: Multiaddr): string {
  return address.toString().replace(/\/p2p\/[^/]+$/, '')
}
