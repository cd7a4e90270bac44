import type { Trust } from '../../peers/index.ts'
import type { RouteCandidate } from '../../request/index.ts'
import type { Reputation } from './reputation.ts'
import { specClassOf } from './spec-class.ts'
/** What routing makes of the audits: whom it prefers, and whom it does not ask at all. */
export interface TrustOf extends Trust {
  /** Not one that is quarantined. */
  admits(candidate: RouteCandidate): boolean
}

/**
 * @param random from 0, below 1
 * @param shared standing of a peer by the word of friends. @default nobody's
 */
export function trustOf(
  reputation: Reputation,
  random: () => number,
  shared?: (peer: string) => number | undefined,
): TrustOf {
  return {
    weight: ({ key, model }) => reputation.draw(key, specClassOf(model), random, shared?.(key)),
    isProven: ({ key, model }) => reputation.isProven(key, specClassOf(model)),
    networkCredit: (networks) => reputation.networkCredit(networks),
    admits: ({ key, model }) => !reputation.isQuarantined(key, specClassOf(model)),
  }
}
