import { subnetsOf } from '../../../host/index.ts'
import type { RouteCandidate } from '../../request/index.ts'
/** The candidates that are not in `apart`; all of them if there are no others. */
export function otherPeers<T extends RouteCandidate>(
  candidates: readonly T[],
  apart: readonly RouteCandidate[],
): readonly T[] {
  if (apart.length === 0) return candidates
  const taken = new Set(apart.map(({ key }) => key))
  return orAll(
    candidates,
    candidates.filter(({ key }) => !taken.has(key)),
  )
}

/**
 * The candidates whose operator and networks differ from all of `apart`; all of them if there are no such candidates,
 * because an answer from a neighbour is better than no answer. Verdicts need more: `independentScorers`. Operator tags
 * can be invented freely: equal tags show that two peers belong together, different tags do not show the opposite, and
 * an empty tag shows nothing.
 */
export function independentPeers<T extends RouteCandidate>(
  candidates: readonly T[],
  apart: readonly RouteCandidate[],
): readonly T[] {
  if (apart.length === 0) return candidates
  const operators = new Set(apart.map(({ advertisement }) => advertisement.operator))
  operators.delete('')
  const taken = new Set(
    apart.flatMap(({ advertisement }) => [...subnetsOf(advertisement.addresses)]),
  )
  return orAll(
    candidates,
    candidates.filter(({ advertisement }) => {
      if (operators.has(advertisement.operator)) return false
      return ![...subnetsOf(advertisement.addresses)].some((subnet) => taken.has(subnet))
    }),
  )
}

function orAll<T>(all: readonly T[], some: readonly T[]): readonly T[] {
  return some.length > 0 ? some : all
}
