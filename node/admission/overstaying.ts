import { flowOf, type Waiting } from './turn.ts'

/** How long a request waits before a peer with several slots has to give one back, and the least that it keeps each. */
export const OVERSTAY_MS = 5_000

export interface TimedWaiting extends Waiting {
  /** When it began to wait. */
  readonly enteredAtMs: number
}

export interface TimedRunning extends Waiting {
  readonly startedAtMs: number
}

/**
 * The running request that ends so that another can begin: while a peer without a slot has waited for long, no peer of
 * its network keeps several, and no network two more than its own has. It is the youngest of those that have run for
 * long, of the holder with the most. Contributors lose no slot to strangers. A holder of one slot is left alone: ending
 * its answer would only exchange one peer's wait for another's, and cost the work done.
 */
export function overstaying<T extends TimedRunning>(
  running: readonly T[],
  waiting: readonly TimedWaiting[],
  nowMs: number,
): T | undefined {
  const flows = Map.groupBy(running, flowOf)
  const slotsOf = (flow: string): number => flows.get(flow)?.length ?? 0
  for (const one of waiting) {
    if (nowMs - one.enteredAtMs < OVERSTAY_MS) continue
    if (running.some(({ peer }) => peer === one.peer)) continue
    const flow = flowOf(one)
    const yielding = running.filter(
      (other) =>
        (one.contributes || !other.contributes) &&
        (flowOf(other) === flow || slotsOf(flowOf(other)) >= slotsOf(flow) + 2),
    )
    const others = yielding.filter((other) => flowOf(other) !== flow)
    const victim =
      youngestOfMost(yielding, ({ peer }) => peer, nowMs) ?? youngestOfMost(others, flowOf, nowMs)
    if (victim !== undefined) return victim
  }
  return undefined
}

/** Of the holder with the most slots, if it has several, the youngest request that has run for long. */
function youngestOfMost<T extends TimedRunning>(
  running: readonly T[],
  holder: (one: T) => string,
  nowMs: number,
): T | undefined {
  const groups = [...Map.groupBy(running, holder).values()].filter(({ length }) => length > 1)
  const [most = []] = groups.toSorted((one, other) => other.length - one.length)
  return most
    .filter(({ startedAtMs }) => nowMs - startedAtMs >= OVERSTAY_MS)
    .toSorted((one, other) => other.startedAtMs - one.startedAtMs || other.arrival - one.arrival)[0]
}
