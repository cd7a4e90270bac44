/**
 * Whom to ask first, and what every answer and failure teaches: cost, affinity, health, latency, concurrency. Each
 * policy is a pure module; the router holds their memories.
 *
 * @example
 * const router = createRouter({ now: () => performance.now(), wallNow: Date.now, random: Math.random, salt: randomBytes(16) })
 * const affinity = affinityKey(request, { id: 'llama3.2:3b' })
 * const chosen = router.choose(candidates, { promptTokens: 900, answerTokens: 0, affinity, apart: [] })
 *
 * @packageDocumentation
 */
export { affinityKey } from './affinity-key.ts'
export { createRouter } from './create-router.ts'
export { drawOverNetworks, networksOf, otherVoices } from './networks.ts'
export type { RouteRequest, Router, Trust } from './router.ts'
export { LEAVING_TIER, UNFIT_TIER } from './tier.ts'
