import { isIPv4 } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

/** The address of a connection over WebRTC. It names where the peer is, and cannot be dialled. */
export function directPathAddress(
  { ip, port }: { readonly ip: string; readonly port: number },
  peer: string,
): Multiaddr {
  return multiaddr(`/${isIPv4(ip) ? 'ip4' : 'ip6'}/${ip}/udp/${port}/webrtc/p2p/${peer}`)
}

/** Whether a connection's address is of a direct path over WebRTC. */
export function isDirectPath(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'webrtc')
}
