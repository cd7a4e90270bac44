/**
 * Which peer to ask first, and what each answer and failure shows: cost, affinity, health, latency, concurrency. Each
 * policy is a pure module; the router holds their state.
 *
 * @example
 * import { randomBytes } from 'node:crypto'
 * import { systemClock } from '../../../timing/index.ts'
 * import type { RouteCandidate } from '../../request/index.ts'
 *
 * const router = createRouter({
 *   clock: systemClock,
 *   random: Math.random,
 *   salt: randomBytes(16),
 * })
 * const first = (candidates: readonly RouteCandidate[]) =>
 *   router.choose(candidates, { promptTokens: 900, answerTokens: 0, affinity: undefined, apart: [] })
 *
 * @packageDocumentation
 */
export { affinityKey } from './affinity-key.ts'
export { createRouter } from './create-router.ts'
export { drawOverNetworks, independentScorers, networksOf } from './networks.ts'
export type { RouteRequest, Router, Trust } from './router.ts'
export { DOUBTED_TIER, LEAVING_TIER, UNFIT_TIER } from './tier.ts'
