/** Sooner than this a second attempt races the network's jitter. */
const HEDGE_FLOOR_MS = 50
/** With nothing measured a prediction is worth little: wait this many times as long, and no less than the floor. */
const UNMEASURED_FACTOR = 4
const UNMEASURED_FLOOR_MS = 250
/** A peer that is always slow predicts itself slow; what others would take bounds the wait for it. As for affinity. */
const MAX_OTHERS_FACTOR = 4
/**
 * Of the others, what a good one would take: a hedge goes to such. The median will not do: where one answer in twenty is
 * slow, so is the 95th percentile half of the time, and with it what is predicted for every peer that was slow lately.
 */
const GOOD_QUANTILE = 0.25

export interface HedgeInputs {
  /** For this peer and prompt. */
  readonly predictedTtftMs: number
  /** 95th percentile of measured ÷ predicted; undefined where too little was measured. */
  readonly p95Ratio: number | undefined
  /** Predicted for the others that could take the request. */
  readonly othersTtftMs: readonly number[]
}

/** After how long without a first piece a hedge is due: about the 95th percentile (Tail at Scale, 2013). */
export function hedgeDelayMs({ predictedTtftMs, p95Ratio, othersTtftMs }: HedgeInputs): number {
  const due =
    p95Ratio === undefined
      ? Math.max(UNMEASURED_FLOOR_MS, UNMEASURED_FACTOR * predictedTtftMs)
      : Math.max(HEDGE_FLOOR_MS, predictedTtftMs * p95Ratio)
  const good = othersTtftMs.toSorted((a, b) => a - b)[
    Math.floor(GOOD_QUANTILE * othersTtftMs.length)
  ]
  if (good === undefined) return due
  const floorMs = p95Ratio === undefined ? UNMEASURED_FLOOR_MS : HEDGE_FLOOR_MS
  return Math.min(due, Math.max(floorMs, MAX_OTHERS_FACTOR * good))
}
