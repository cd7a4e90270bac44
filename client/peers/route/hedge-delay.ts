/** An earlier second attempt would only react to the network's jitter. */
const HEDGE_FLOOR_MS = 50
/** An engine of constant speed has its 95th percentile at its median: a hedge then would react to rounding. */
const LEAST_RATIO = 1.1
/** Without measurements a prediction is unreliable: wait this many times as long, and at least the floor. */
const UNMEASURED_FACTOR = 4
const UNMEASURED_FLOOR_MS = 250
/**
 * A slow peer predicts a slow answer; the time that others would take bounds the wait for it. The factor is that of
 * affinity.
 */
const MAX_OTHERS_FACTOR = 4
/**
 * The quantile of the others' predicted times that stands for a good peer, where a hedge goes. The median does not
 * work: if one answer in twenty is slow, the 95th percentile is slow half of the time, and so is the prediction for
 * every peer that was slow lately.
 */
const GOOD_QUANTILE = 0.25

export interface HedgeInputs {
  /** For this peer and prompt. */
  readonly predictedTtftMs: number
  /** 95th percentile of measured ÷ predicted; undefined with too few measurements. */
  readonly p95Ratio: number | undefined
  /** Predicted for the others that could take the request. */
  readonly othersTtftMs: readonly number[]
}

/** Time without a first piece after which a hedge is due: about the 95th percentile (Tail at Scale, 2013). */
export function hedgeDelayMs({ predictedTtftMs, p95Ratio, othersTtftMs }: HedgeInputs): number {
  const due =
    p95Ratio === undefined
      ? Math.max(UNMEASURED_FLOOR_MS, UNMEASURED_FACTOR * predictedTtftMs)
      : Math.max(HEDGE_FLOOR_MS, predictedTtftMs * Math.max(LEAST_RATIO, p95Ratio))
  const good = othersTtftMs.toSorted((a, b) => a - b)[
    Math.floor(GOOD_QUANTILE * othersTtftMs.length)
  ]
  if (good === undefined) return due
  const floorMs = p95Ratio === undefined ? UNMEASURED_FLOOR_MS : HEDGE_FLOOR_MS
  return Math.min(due, Math.max(floorMs, MAX_OTHERS_FACTOR * good))
}
