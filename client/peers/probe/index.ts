/**
 * Live load of peers: asks for it in the background, keeps what is fresh, takes in what terminal frames tell.
 *
 * @example
 * import type { PeerId } from '@libp2p/interface'
 * import { systemClock } from '../../../timing/index.ts'
 *
 * function freshLoad(prober: Prober, pool: LoadPool, peers: readonly PeerId[]) {
 *   prober.refresh(peers)
 *   return peers.map((peer) => pool.fresh(peer.toString(), systemClock.now()))
 * }
 *
 * @packageDocumentation
 */
export { LoadPool } from './load-pool.ts'
export { createProber, type Prober } from './prober.ts'
