import { hashText, spread } from './hash.ts'

/** A peer may have this many times its fair share of our requests (KubeAI's figure for CHWBL). */
const LOAD_FACTOR = 1.25

/**
 * Maximum of requests at one peer when one more is placed: ⌈1.25 × fair share⌉, rounded up to work with small numbers.
 */
export function loadBound(total: number, peers: number): number {
  return Math.ceil((LOAD_FACTOR * (total + 1)) / peers)
}

/**
 * The order in which a key prefers its peers: highest random weight. Each peer's weight depends on key and peer alone,
 * so a peer that leaves moves only its own keys.
 */
export function rendezvousOrder<T extends { readonly key: string }>(
  key: string,
  peers: readonly T[],
  salt: number,
): T[] {
  const keyHash = hashText(key, salt)
  return peers
    .map((peer) => ({ peer, weight: spread(keyHash ^ hashText(peer.key, salt)) }))
    .sort((a, b) => b.weight - a.weight || (a.peer.key < b.peer.key ? -1 : 1))
    .map(({ peer }) => peer)
}

/**
 * Bounded load: the first peer in the order that has room under {@link loadBound}. There is always one, because the
 * least loaded peer has at most the average.
 *
 * @param order all peers that share the load, most preferred first
 * @param inFlight our own requests at a peer
 */
export function firstWithRoom<T>(
  order: readonly T[],
  inFlight: (peer: T) => number,
): T | undefined {
  const total = order.reduce((sum, peer) => sum + inFlight(peer), 0)
  const bound = loadBound(total, order.length)
  return order.find((peer) => inFlight(peer) + 1 <= bound)
}
