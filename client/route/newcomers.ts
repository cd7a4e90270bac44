import type { RouteCandidate } from './router.ts'
import { subnetsOf } from './subnet.ts'

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
 * The newcomers' share: now and then somebody who is not known yet, where others are. Without it whoever came first
 * would stay the only one that is known to be good. It is drawn over networks first and peers second, so that a thousand
 * identities in one network are worth one; and where earlier ones from that network turned out to be cheats, it is mostly
 * left unused. An operator's tag joins networks; it never sets them apart, for it is free to invent.
 */
export function chooseNewcomer<T extends Pick<RouteCandidate, 'advertisement'>>(
  candidates: readonly T[],
  { isKnown, credit, random }: Newcomers<T>,
): T | undefined {
  const unknown = candidates.filter((candidate) => !isKnown(candidate))
  if (unknown.length === 0 || unknown.length === candidates.length) return undefined
  if (random() < 1 - SHARE) return undefined
  const buckets = bucketsOf(unknown)
  const bucket = buckets[Math.floor(random() * buckets.length)] ?? []
  const chosen = bucket[Math.floor(random() * bucket.length)]
  if (chosen === undefined || credit === undefined) return chosen
  return random() < credit(networksOf(chosen)) ? chosen : undefined
}

/** Peers that share a network or an operator, also by way of others. Those without a public network are one. */
function bucketsOf<T extends Pick<RouteCandidate, 'advertisement'>>(
  candidates: readonly T[],
): readonly (readonly T[])[] {
  const parents = new Map<string, string>()
  const root = (name: string): string => {
    let top = name
    for (let next = parents.get(top); next !== undefined; next = parents.get(top)) top = next
    return top
  }
  const named = candidates.map((candidate) => ({ candidate, names: namesOf(candidate) }))
  for (const { names } of named) {
    const [first = LOCAL, ...others] = names
    for (const other of others) {
      if (root(other) !== root(first)) parents.set(root(other), root(first))
    }
  }
  const groups = Map.groupBy(named, ({ names: [first = LOCAL] }) => root(first))
  return [...groups.values()].map((group) => group.map(({ candidate }) => candidate))
}

const LOCAL = 'local'

function namesOf(candidate: Pick<RouteCandidate, 'advertisement'>): readonly string[] {
  const { operator } = candidate.advertisement
  const networks = networksOf(candidate)
  return operator === '' ? networks : [...networks, `operator ${operator}`]
}

/** The networks that a peer is in; at least one. */
export function networksOf({
  advertisement: { addresses },
}: Pick<RouteCandidate, 'advertisement'>): readonly string[] {
  const subnets = [...subnetsOf(addresses)]
  return subnets.length > 0 ? subnets : [LOCAL]
}
