import type { Load, ModelAdvertisement } from '../../protocol/index.ts'

/** What is known of a candidate for one request. Times in milliseconds, rates in tokens a second. */
export interface CostInputs {
  readonly rttMs: number
  /** A fresh sample, where there is one. */
  readonly load: Load | undefined
  /** Time to a first token beyond prefill, as measured on earlier answers. */
  readonly overheadMs: number
  readonly prefillRate: number
  readonly promptTokens: number
  /** Requests of ours that the peer works on. */
  readonly inFlight: number
}

/** Predicted time to the first token × (own requests in flight + 1): no constants to tune (LMetric, PeakEWMA). */
export function costOf(inputs: CostInputs): number {
  const { rttMs, load, overheadMs, prefillRate, promptTokens, inFlight } = inputs
  const queueMs = load === undefined ? overheadMs : queueOf(load, overheadMs)
  const prefillMs = (promptTokens / prefillRate) * 1000
  return (rttMs + queueMs + prefillMs) * (inFlight + 1)
}

/** What the node predicts counts while all its slots are taken; with a slot free, what we measured does. */
function queueOf(load: Load, overheadMs: number): number {
  const busy = load.state === 'saturated' || load.queueDepth > 0 || load.inFlight >= load.slots
  return busy ? Math.max(load.expectedTtftMs, overheadMs) * (load.queueDepth + 1) : overheadMs
}

export interface Fitness {
  readonly load: Load | undefined
  readonly model: Pick<ModelAdvertisement, 'contextLength'>
  /** A guess: only the engine can count text. */
  readonly promptTokens: number
  /** It failed us lately. */
  readonly suspect: boolean
}

/** The tier of a peer that takes no new work. */
export const LEAVING_TIER = 3

/** 0: fit. 1: the prompt may not fit. 2: failed us lately, or still loads. 3: draining. A higher tier serves only where no lower one is left. */
export function tierOf({ load, model, promptTokens, suspect }: Fitness): number {
  if (load?.state === 'draining') return LEAVING_TIER
  if (load?.state === 'loading' || suspect) return 2
  return model.contextLength > 0 && promptTokens > model.contextLength ? 1 : 0
}
