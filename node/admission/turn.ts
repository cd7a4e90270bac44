/** One request that waits for a slot. */
export interface Waiting {
  readonly peer: string
  /** Network of the peer's connection. Strangers of one network share their turns. */
  readonly network: string
  /** Whether credited work, by receipts that this node trusts, covers what the peer took. */
  readonly contributes: boolean
  /** Arrival number. */
  readonly arrival: number
  /** Number of the latest turn at its arrival: where a peer that was never served counts from. */
  readonly since: number
}

/** Numbers of the last turns, as far as they are kept. */
export type LastTurn = (name: string) => number | undefined

/** Key that takes one turn: the peer for a contributor, the network for strangers. */
export function flowOf({ peer, network, contributes }: Omit<Waiting, 'arrival' | 'since'>): string {
  return contributes ? `peer ${peer}` : `network ${network}`
}

/**
 * Which of the waiting requests is next: contributors before strangers, except for the strangers' floor; then networks
 * take turns (each contributor is one of its own), and peers within a network (least recently served first;
 * newcomers count from arrival, so that a new identity gains nothing); within a peer the
 * oldest. Under lasting overload it is the newest instead: its caller still waits, while the oldest ones are about to
 * run into their deadlines anyway.
 */
export function nextTurn<T extends Waiting>(
  waiting: readonly T[],
  lastTurn: LastTurn,
  { overloaded, strangersTurn }: { readonly overloaded: boolean; readonly strangersTurn: boolean },
): T | undefined {
  const first = waiting.filter(({ contributes }) => contributes !== strangersTurn)
  let best: T | undefined
  for (const candidate of first.length > 0 ? first : waiting) {
    if (best === undefined || precedes(candidate, best, lastTurn, overloaded)) best = candidate
  }
  return best
}

function precedes(one: Waiting, other: Waiting, lastTurn: LastTurn, overloaded: boolean): boolean {
  const flows = [flowOf(one), flowOf(other)] as const
  if (flows[0] !== flows[1]) {
    const turns = (lastTurn(flows[0]) ?? one.since) - (lastTurn(flows[1]) ?? other.since)
    if (turns !== 0) return turns < 0
  }
  const turns =
    (lastTurn(`peer ${one.peer}`) ?? one.since) - (lastTurn(`peer ${other.peer}`) ?? other.since)
  if (turns !== 0) return turns < 0
  return overloaded ? one.arrival > other.arrival : one.arrival < other.arrival
}

/**
 * Whether a full queue evicts a request of the other kind: a stranger's for a contributor, and a contributor's for a
 * stranger, until strangers hold one place in `oneIn` (rounded down).
 */
export function othersGiveWay(
  waiting: readonly Waiting[],
  contributes: boolean,
  oneIn: number,
): boolean {
  const floor = Math.floor(waiting.length / oneIn)
  const strangers = waiting.filter((one) => !one.contributes).length
  return contributes ? strangers > floor : strangers < floor
}

/**
 * The waiting request that a full queue evicts for one of `newcomer`. Where contributors, or strangers, hold
 * more than their places, it is the newest of those of them that hold the most. Else it is one of the newcomer's own
 * kind: the newest of those that hold the most places, by network and then by peer, and only if they would still hold
 * at least as many as the newcomer.
 *
 * @param oneIn strangers hold one place in this many
 */
export function givesWay<T extends Waiting>(
  waiting: readonly T[],
  newcomer: Omit<Waiting, 'arrival' | 'since'>,
  oneIn: number,
): T | undefined {
  if (othersGiveWay(waiting, newcomer.contributes, oneIn)) {
    const others = waiting.filter(({ contributes }) => contributes !== newcomer.contributes)
    return newestOfMost(others, flowOf, 0)
  }
  const alike = waiting.filter(({ contributes }) => contributes === newcomer.contributes)
  const flow = flowOf(newcomer)
  const neighbours = alike.filter((one) => flowOf(one) === flow)
  const victim = newestOfMost(alike, flowOf, neighbours.length + 1)
  if (victim !== undefined) return victim
  const own = neighbours.filter(({ peer }) => peer === newcomer.peer)
  return newestOfMost(neighbours, ({ peer }) => peer, own.length + 1)
}

/** The newest request of the holder with the most, if that holder would keep at least the given number. */
function newestOfMost<T extends Waiting>(
  waiting: readonly T[],
  holder: (one: T) => string,
  left: number,
): T | undefined {
  const places = new Map<string, number>()
  for (const one of waiting) places.set(holder(one), (places.get(holder(one)) ?? 0) + 1)
  let victim: T | undefined
  for (const candidate of waiting) {
    const held = places.get(holder(candidate)) ?? 0
    if (held - 1 < left) continue
    const most = victim === undefined ? 0 : (places.get(holder(victim)) ?? 0)
    if (victim === undefined || held > most) victim = candidate
    else if (held === most && candidate.arrival > victim.arrival) victim = candidate
  }
  return victim
}
