import type { RouteCandidate } from '../../request/index.ts'
import { drawOverNetworks, groupsByNetwork, networksOf } from './networks.ts'

/** Share of all choices that newcomers get: enough to learn about new peers, and too little to hurt if they are bad. */
const SHARE = 0.05

/** Which peers are newcomers, and the credit they get. */
export interface Newcomers<T> {
  readonly isKnown: (candidate: T) => boolean
  /** 0.1 … 1: how earlier newcomers from these networks turned out. @default 1 for all */
  readonly credit?: ((networks: readonly string[]) => number) | undefined
  /** From 0, below 1; a low draw chooses no newcomer. */
  readonly random: () => number
}

/**
 * Unmeasured peers, with an even share for each network: at most `count`, the cheapest of each. A thousand identities
 * in one network leave room for a single peer in another.
 */
export function evenOverNetworks<T extends Pick<RouteCandidate, 'advertisement'>>(
  candidates: readonly T[],
  costOf: (candidate: T) => number,
  count: number,
): readonly T[] {
  const networks = groupsByNetwork(candidates)
  if (networks.length === 1) return candidates
  const share = Math.max(1, Math.floor(count / networks.length))
  return networks.flatMap((group) => {
    const priced = group.map((candidate) => ({ candidate, cost: costOf(candidate) }))
    return priced
      .sort((a, b) => a.cost - b.cost)
      .slice(0, share)
      .map(({ candidate }) => candidate)
  })
}

/**
 * The newcomers' share: now and then a choice goes to a peer that is not known yet, although known ones exist. Without
 * it the first peers would remain the only ones known to be good. It is drawn over networks, so that a thousand
 * identities in one network count as one. If earlier newcomers from that network turned out to be cheats, the share is
 * mostly left unused.
 */
export function chooseNewcomer<T extends Pick<RouteCandidate, 'advertisement'>>(
  candidates: readonly T[],
  { isKnown, credit, random }: Newcomers<T>,
): T | undefined {
  const unknown = candidates.filter((candidate) => !isKnown(candidate))
  if (unknown.length === 0 || unknown.length === candidates.length) return undefined
  if (random() < 1 - SHARE) return undefined
  const chosen = drawOverNetworks(unknown, random)
  if (chosen === undefined || credit === undefined) return chosen
  return random() < credit(networksOf(chosen)) ? chosen : undefined
}
