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
 * The running request that ends so that another can begin: while a peer without a slot has waited for long, no other
 * keeps several of them, and no network where the waiting peer's has none. It is the youngest of those that have run
 * for long, of the holder with the most. Contributors lose no slot to strangers. A holder of one slot is left alone:
 * ending its answer would only exchange one peer's wait for another's, and cost the work done.
 */
export function overstaying<T extends TimedRunning>(
  running: readonly T[],
  waiting: readonly TimedWaiting[],
  nowMs: number,
): T | undefined {
  for (const one of waiting) {
    if (nowMs - one.enteredAtMs < OVERSTAY_MS) continue
    if (running.some(({ peer }) => peer === one.peer)) continue
    const yielding = one.contributes ? running : running.filter((other) => !other.contributes)
    const flow = flowOf(one)
    const hasFlow = running.some((other) => flowOf(other) === flow)
    const victim =
      youngestOfMost(yielding, ({ peer }) => peer, nowMs) ??
      (hasFlow ? undefined : youngestOfMost(yielding, flowOf, nowMs))
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
