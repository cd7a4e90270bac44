import type { RouteCandidate } from '../../request/index.ts'
import { drawOverNetworks, groupsByNetwork, networksOf } from './networks.ts'

/** Of all choices: enough to learn of new peers, too little to hurt where they are bad. */
const SHARE = 0.05

/** Who is a newcomer, and what is thought of newcomers. */
export interface Newcomers<T> {
  readonly isKnown: (candidate: T) => boolean
  /** 0.1 … 1: what became of earlier newcomers from these networks. @default 1 for all */
  readonly credit?: ((networks: readonly string[]) => number) | undefined
  /** From 0, below 1; a low draw is no newcomer's. */
  readonly random: () => number
}

/**
 * Peers of which nothing was measured, with an even share for each network: at most `count`, the cheapest of each. A
 * thousand identities in one network leave room for the one in another.
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
 * The newcomers' share: now and then somebody who is not known yet, where others are. Without it whoever came first
 * would stay the only one that is known to be good. It is drawn over networks, so that a thousand identities
 * in one network are worth one; and where earlier ones from that network turned out to be cheats, it is mostly
 * left unused.
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
