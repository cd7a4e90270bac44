import type { Address } from '@libp2p/interface'
import {
  circuitRelayAddressesLast,
  loopbackAddressLast,
  publicAddressesFirst,
  reliableTransportsFirst,
} from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * Order in which the addresses of a peer are dialled: libp2p's own, but those in this host's network first, and those
 * through suspected relays, or of an IP version that does not get through, after others of their kind, and those that
 * did not answer a moment ago after all others.
 */
export function addressOrder(init: {
  readonly isNear: (address: Multiaddr) => boolean
  readonly isSuspect: (address: Multiaddr) => boolean
  readonly isSilent: (address: Multiaddr) => boolean
}): (a: Address, b: Address) => -1 | 0 | 1 {
  const { isNear, isSuspect, isSilent } = init
  return (a, b) =>
    trueFirst(!isSilent(a.multiaddr), !isSilent(b.multiaddr)) ||
    trueFirst(isNear(a.multiaddr), isNear(b.multiaddr)) ||
    loopbackAddressLast(a.multiaddr, b.multiaddr) ||
    publicAddressesFirst(a.multiaddr, b.multiaddr) ||
    circuitRelayAddressesLast(a.multiaddr, b.multiaddr) ||
    trueFirst(!isSuspect(a.multiaddr), !isSuspect(b.multiaddr)) ||
    trueFirst(a.isCertified, b.isCertified) ||
    reliableTransportsFirst(a.multiaddr, b.multiaddr)
}

function trueFirst(a: boolean, b: boolean): -1 | 0 | 1 {
  if (a === b) return 0
  return a ? -1 : 1
}
