import { isPrivateIp } from '@libp2p/utils'
import { subnetsOf } from '../../../host/index.ts'
import type { RouteCandidate } from '../../request/index.ts'

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
  const buckets = groupsByNetwork(candidates)
  const bucket = buckets[Math.floor(random() * buckets.length)] ?? []
  return bucket[Math.floor(random() * bucket.length)]
}

/** Peers that share a network or an operator, also by way of others. Those without a public network are one. */
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

/** The networks that a peer is in; at least one. */
export function networksOf({ advertisement: { addresses } }: Located): readonly string[] {
  const subnets = [...subnetsOf(addresses)]
  return subnets.length > 0 ? subnets : [LOCAL]
}

/** Networks that one peer is believed to be in: two of IPv4 and two of IPv6. Whoever claims more claims its neighbours'. */
const MAX_CLAIMED = 4

/**
 * Those that may have a say about `accused` beside those that were `heard`: one for each public network, and for each
 * operator's tag. There is no falling back on others: many identities of one network are one voice, however often they
 * are asked.
 *
 * Without a public network (behind relays, by a name) all are one voice together, as it costs nothing to be many there.
 * On one machine or LAN each neighbour of the accused has a voice, as they are under one owner's eye; to a peer
 * elsewhere they are one like the rest, for anybody may claim a private address.
 */
export function otherVoices<T extends Located>(
  candidates: readonly T[],
  accused: Located,
  heard: readonly Located[],
): readonly T[] {
  const isNear = isNeighbour(accused)
  const ownNames = namesOf(accused)
  const isHonestClaim = networksOf(accused).length <= MAX_CLAIMED
  const taken = new Set(isHonestClaim ? ownNames : ownNames.filter(isOperator))
  // That neither shows a network does not show that they are one.
  taken.delete(LOCAL)
  for (const name of heard.flatMap((peer) => voiceOf(peer, isNear))) taken.add(name)
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
