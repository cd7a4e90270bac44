import type { Timings, Usage } from '../protocol/index.ts'

/** Weight of the newest answer. */
const WEIGHT = 0.2
/** Shorter measurements reflect the clock rather than the engine. */
const MIN_TOKENS = 8

/** Tokens per second of finished answers: a moving average, 0 until measured. */
export class MeasuredRates {
  prefillRate = 0
  decodeRate = 0

  observe(usage: Usage, timings: Omit<Timings, 'queueMs'>): void {
    const prefilled = usage.promptTokens - usage.cachedPromptTokens
    this.prefillRate = blend(this.prefillRate, prefilled, timings.prefillMs)
    this.decodeRate = blend(this.decodeRate, usage.completionTokens, timings.decodeMs)
  }
}

function blend(rate: number, tokens: number, ms: number): number {
  if (tokens < MIN_TOKENS || ms <= 0) return rate
  const seen = (tokens * 1000) / ms
  return rate === 0 ? seen : rate + WEIGHT * (seen - rate)
}
