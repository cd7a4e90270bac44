import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { dialTarget, isPublicAddress } from './address-scope.ts'
import { isDirectPath } from './direct-path-address.ts'
import { isReachedByRelay, isRelayed } from './relay/index.ts'

/** How another peer is reached. */
export interface PeerReach {
  /**
   * As this host reaches it, else by its own addresses. `public`: directly, over a public address. `relayed`: through a
   * relay. `lan`: over a private or loopback address.
   */
  readonly reachability: 'public' | 'relayed' | 'lan' | 'unknown'
  /** The evidence: the address over which this host dialled it and is connected now. Absent if it is not connected. */
  readonly connectedAt?: string
}

/**
 * How a peer is reached now, or would be by its addresses.
 *
 * @param addresses that the peer advertises
 * @param connections with the peer; those that it opened are no evidence of how it is reached
 */
export function peerReach(
  addresses: readonly Multiaddr[],
  connections: readonly Pick<Connection, 'direction' | 'remoteAddr' | 'status'>[],
): PeerReach {
  const dialled = connections.filter(
    ({ direction, status }) => direction === 'outbound' && status === 'open',
  )
  const best = dialled.find(({ remoteAddr }) => !isRelayed(remoteAddr)) ?? dialled[0]
  if (best === undefined) return { reachability: claimed(addresses) }
  return { reachability: kindOf(best.remoteAddr), connectedAt: best.remoteAddr.toString() }
}

function kindOf(address: Multiaddr): 'public' | 'relayed' | 'lan' {
  // A direct path is opened over a relay, by which others reach the peer.
  if (isRelayed(address) || isDirectPath(address)) return 'relayed'
  return isPublicAddress(address) ? 'public' : 'lan'
}

function claimed(addresses: readonly Multiaddr[]): PeerReach['reachability'] {
  if (isReachedByRelay(addresses)) return 'relayed'
  const direct = addresses.filter((address) => !isRelayed(address))
  if (direct.some(isPublicAddress)) return 'public'
  return direct.some((address) => dialTarget(address).kind === 'ip') ? 'lan' : 'unknown'
}
