/** Spark's speculation multiplier is 1.5; a larger one tolerates parts that are merely long. */
const SLOW_FACTOR = 3
/** A part is never slow before this. */
const SLOW_FLOOR_MS = 250
/** Min samples for a meaningful median. */
const MIN_SAMPLES = 3
/** Max share of copies among all items started: the extra work for the swarm. MapReduce ran a few per cent. */
const MAX_SHARE = 0.1

export interface RunningPart {
  readonly id: number
  readonly items: readonly number[]
  readonly startedMs: number
}

/** Time after which a part is a straggler; undefined if there are too few samples. */
export function slowAtMs(
  { items, startedMs }: RunningPart,
  times: { readonly medianMs: number | undefined; readonly count: number },
): number | undefined {
  const { medianMs, count } = times
  if (medianMs === undefined || count < MIN_SAMPLES) return undefined
  return startedMs + Math.max(SLOW_FLOOR_MS, SLOW_FACTOR * medianMs * items.length)
}

/** Whether another copy of `items` items stays within the share of copies. The first copy always does. */
export function mayCopy(items: number, copied: number, begun: number): boolean {
  return copied === 0 || copied + items <= MAX_SHARE * begun
}
