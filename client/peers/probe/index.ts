/**
 * Live load of peers: asks for it in the background, keeps what is fresh, takes in what terminal frames tell.
 *
 * @example
 * prober.refresh(candidates)
 * const load = pool.fresh(candidate.key, performance.now())
 *
 * @packageDocumentation
 */
export { LoadPool } from './load-pool.ts'
export { createProber, type Prober } from './prober.ts'
