import { isPrivateIp } from '@libp2p/utils'
import { subnetsOf } from '../../../host/index.ts'
import type { RouteCandidate } from '../../request/index.ts'

type Located = Pick<RouteCandidate, 'advertisement'>

/**
 * One peer, drawn over networks first and peers second: a thousand identities in one network count as one. An operator
 * tag joins networks; it never separates them, because it can be invented freely.
 *
 * @param random from 0, below 1
 */
export function drawOverNetworks<T extends Located>(
  candidates: readonly T[],
  random: () => number,
): T | undefined {
  const buckets = groupsByNetwork(candidates)
  const bucket = buckets[Math.floor(random() * buckets.length)] ?? []
  return bucket[Math.floor(random() * bucket.length)]
}

/**
 * Groups of peers that share a network or an operator, also through others. Peers without a public network are one
 * group.
 */
export function groupsByNetwork<T extends Located>(
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

function namesOf(candidate: Located): readonly string[] {
  const { operator } = candidate.advertisement
  const networks = networksOf(candidate)
  return operator === '' ? networks : [...networks, OPERATOR + operator]
}

const OPERATOR = 'operator '
const isOperator = (name: string): boolean => name.startsWith(OPERATOR)

/** The networks of a peer; at least one. */
export function networksOf({ advertisement: { addresses } }: Located): readonly string[] {
  const subnets = [...subnetsOf(addresses)]
  return subnets.length > 0 ? subnets : [LOCAL]
}

/** Max networks of one peer: two of IPv4 and two of IPv6. A peer that claims more is claiming networks of others. */
const MAX_CLAIMED = 4

/**
 * The candidates that may rate answers of `accused` in addition to those already `consulted`: one vote for each public
 * network and each operator tag. Other identities of the same network are never a substitute.
 *
 * Peers without a public network (behind relays, by DNS name) share one vote, because identities are free there. On one
 * machine or LAN each neighbour of the accused has a vote, because a LAN has one owner; for an accused elsewhere they
 * share one vote, because any peer can claim a private address.
 */
export function independentScorers<T extends Located>(
  candidates: readonly T[],
  accused: Located,
  consulted: readonly Located[],
): readonly T[] {
  const isNear = isNeighbour(accused)
  const ownNames = namesOf(accused)
  const isHonestClaim = networksOf(accused).length <= MAX_CLAIMED
  const taken = new Set(isHonestClaim ? ownNames : ownNames.filter(isOperator))
  // Two peers without a public network are not necessarily in the same one.
  taken.delete(LOCAL)
  for (const name of consulted.flatMap((peer) => voiceOf(peer, isNear))) taken.add(name)
  return candidates.filter(
    (candidate) =>
      networksOf(candidate).length <= MAX_CLAIMED &&
      !voiceOf(candidate, isNear).some((name) => taken.has(name)),
  )
}

function voiceOf(peer: Located, isNear: boolean): readonly string[] {
  const names = namesOf(peer)
  return isNear && isNeighbour(peer) ? names.filter(isOperator) : names
}

/** Whether no address of it leads out of this machine or LAN. */
function isNeighbour({ advertisement: { addresses } }: Located): boolean {
  return addresses.every((address) => {
    const components = address.getComponents()
    if (components.some(({ name }) => name === 'p2p-circuit')) return false
    const ip = components.find(({ name }) => name === 'ip4' || name === 'ip6')?.value
    return ip !== undefined && isPrivateIp(ip) === true
  })
}
