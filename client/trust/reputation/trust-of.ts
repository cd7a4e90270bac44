import type { Trust } from '../../peers/index.ts'
import type { RouteCandidate } from '../../request/index.ts'
import type { Reputation } from './reputation.ts'
import { specClassOf } from './spec-class.ts'

/** Results of audits for routing: which peers it prefers, and which it excludes. */
export interface TrustOf extends Trust {
  /** False for a peer in quarantine, and for one that the owner denies. */
  admits(candidate: RouteCandidate): boolean
}

/**
 * @param random from 0, below 1
 * @param shared standing of a peer according to friends. @default none
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
    admits: ({ key, model }) => !reputation.isExcluded(key, specClassOf(model)),
  }
}
