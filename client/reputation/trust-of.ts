import type { RouteCandidate, Trust } from '../route/index.ts'
import type { Reputation } from './reputation.ts'
import { specClassOf } from './spec-class.ts'

/** What routing makes of the audits: whom it prefers, and whom it does not ask at all. */
export interface TrustOf extends Trust {
  /** Not one that is quarantined. */
  admits(candidate: RouteCandidate): boolean
}

/** @param random from 0, below 1 */
export function trustOf(reputation: Reputation, random: () => number): TrustOf {
  return {
    weight: ({ key, model }) => reputation.draw(key, specClassOf(model), random),
    isProven: ({ key, model }) => reputation.isProven(key, specClassOf(model)),
    networkCredit: (networks) => reputation.networkCredit(networks),
    admits: ({ key, model }) => !reputation.isQuarantined(key, specClassOf(model)),
  }
}
