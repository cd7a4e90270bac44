import {
  type Filters,
  passing,
  requestedFilters,
  type SamplingOptions,
  usualFilters,
} from './filters.ts'
import type { ScoredPosition } from './scored-position.ts'

/** Distance below the last passing token that rounding cannot explain, in nats. */
const ROUNDING = 1

/**
 * Number of tokens that the request's own filters exclude, in whichever order the engine applies filters and temperature.
 */
export function filteredOut(
  scored: readonly ScoredPosition[],
  temperature: number,
  sampling: SamplingOptions,
): number {
  return beyond(scored, temperature, requestedFilters(sampling))
}

/** Number of tokens that the usual filters exclude. Not proof, because an engine may have other defaults. */
export function unusual(
  scored: readonly ScoredPosition[],
  temperature: number,
  sampling: SamplingOptions,
): number {
  return beyond(scored, temperature, usualFilters(sampling))
}

function beyond(scored: readonly ScoredPosition[], temperature: number, filters: Filters): number {
  return scored.filter((position) => {
    const { id, logprob, top } = position
    const last = top[passing(position, filters, Math.max(1, temperature)) - 1]
    if (last === undefined) return false
    const known = top.find((token) => token.id === id)?.logprob ?? logprob
    // An unreported token is no more likely than the last reported one.
    return (known ?? top.at(-1)?.logprob ?? 0) < last.logprob - ROUNDING
  }).length
}
