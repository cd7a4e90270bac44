/** Spark's speculation multiplier is 1.5; more leaves out what is merely long. */
const SLOW_FACTOR = 3
/** Nothing is slow that takes less than this. */
const SLOW_FLOOR_MS = 250
/** Fewer samples say nothing of what is usual. */
const MIN_SAMPLES = 3
/** Of all items that were begun: what copies may add to the work of the swarm. MapReduce ran a few per cent of them. */
const MAX_SHARE = 0.1

export interface RunningPart {
  readonly id: number
  readonly items: readonly number[]
  readonly startedMs: number
}

/** The time from which on a part counts as a straggler; absent where that cannot be told. */
export function slowAtMs(
  { items, startedMs }: RunningPart,
  times: { readonly medianMs: number | undefined; readonly count: number },
): number | undefined {
  const { medianMs, count } = times
  if (medianMs === undefined || count < MIN_SAMPLES) return undefined
  return startedMs + Math.max(SLOW_FLOOR_MS, SLOW_FACTOR * medianMs * items.length)
}

/** Whether one more copy of so many items keeps the copies to their share. The first one always does. */
export function mayCopy(items: number, copied: number, begun: number): boolean {
  return copied === 0 || copied + items <= MAX_SHARE * begun
}
