import { subnetsOf } from '../../host/index.ts'
import type { RouteCandidate } from './router.ts'

type Located = Pick<RouteCandidate, 'advertisement'>

/**
 * One of them, drawn over networks first and peers second: a thousand identities in one network are worth one. An
 * operator's tag joins networks; it never sets them apart, for it is free to invent.
 *
 * @param random from 0, below 1
 */
export function drawOverNetworks<T extends Located>(
  candidates: readonly T[],
  random: () => number,
): T | undefined {
  const buckets = bucketsOf(candidates)
  const bucket = buckets[Math.floor(random() * buckets.length)] ?? []
  return bucket[Math.floor(random() * bucket.length)]
}

/** Peers that share a network or an operator, also by way of others. Those without a public network are one. */
function bucketsOf<T extends Located>(candidates: readonly T[]): readonly (readonly T[])[] {
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

function namesOf(candidate: Located): readonly string[] {
  const { operator } = candidate.advertisement
  const networks = networksOf(candidate)
  return operator === '' ? networks : [...networks, `operator ${operator}`]
}

/** The networks that a peer is in; at least one. */
export function networksOf({ advertisement: { addresses } }: Located): readonly string[] {
  const subnets = [...subnetsOf(addresses)]
  return subnets.length > 0 ? subnets : [LOCAL]
}
