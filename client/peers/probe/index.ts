/**
 * Live load of peers: probes in the background, keeps fresh samples, and adds the load in terminal frames.
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
