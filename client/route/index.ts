/**
 * Whom to ask first: a cost for each candidate, and a choice between two. Pure, but for the memory of measurements.
 *
 * @example
 * const chosen = choose(candidates.map((peer) => ({ value: peer, cost: costOf(inputs(peer)), tier: 0 })), Math.random)
 *
 * @packageDocumentation
 */
export { choose } from './choose.ts'
export { costOf, LEAVING_TIER, tierOf } from './cost.ts'
export { InFlight } from './in-flight.ts'
export { LatencyModel } from './latency-model.ts'
export { Suspects } from './suspects.ts'
