import type { InferenceError } from '../../protocol/index.ts'

/** The earliest time at which one of the failed peers accepts work again; empty if none of the errors names one. */
export function soonestRetry(errors: readonly InferenceError[]): { retryAfterMs?: number } {
  const times = errors.flatMap(({ retryAfterMs }) => retryAfterMs ?? [])
  return times.length === 0 ? {} : { retryAfterMs: Math.min(...times) }
}
