/** One request that waits for a slot. */
export interface Waiting {
  readonly peer: string
  /** Counts up with each arrival. */
  readonly arrival: number
}

/**
 * Which of the waiting requests is next: peers take turns (whoever was served longest ago, or never, comes first);
 * within a peer, and among peers that were never served, the oldest. Under lasting overload it is the newest instead:
 * its caller still waits, while the oldest ones are about to run into their deadlines anyway.
 *
 * @param lastTurn number of the peer's last turn, 0 for none
 */
export function nextTurn<T extends Waiting>(
  waiting: readonly T[],
  lastTurn: (peer: string) => number,
  overloaded: boolean,
): T | undefined {
  let best: T | undefined
  for (const candidate of waiting) {
    if (best === undefined) {
      best = candidate
      continue
    }
    const turns = lastTurn(candidate.peer) - lastTurn(best.peer)
    const arrivals = candidate.arrival - best.arrival
    if (turns < 0 || (turns === 0 && (overloaded ? arrivals > 0 : arrivals < 0))) best = candidate
  }
  return best
}

/**
 * Which waiting request gives way to one of `newcomer` when the queue is full: the newest of the peer that holds the
 * most places, and only if that peer would still hold at least as many as the newcomer.
 */
export function givesWay<T extends Waiting>(
  waiting: readonly T[],
  newcomer: string,
): T | undefined {
  const places = new Map<string, number>()
  for (const { peer } of waiting) places.set(peer, (places.get(peer) ?? 0) + 1)
  const own = places.get(newcomer) ?? 0
  let victim: T | undefined
  for (const candidate of waiting) {
    const held = places.get(candidate.peer) ?? 0
    if (held - 1 < own + 1) continue
    const most = victim === undefined ? 0 : (places.get(victim.peer) ?? 0)
    if (victim === undefined || held > most) victim = candidate
    else if (held === most && candidate.arrival > victim.arrival) victim = candidate
  }
  return victim
}
