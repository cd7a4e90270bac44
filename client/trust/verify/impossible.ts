import { askedFilters, type Drawing, type Filters, passing, usualFilters } from './filters.ts'
import type { ScoredPosition } from './scored-position.ts'

/** So much below the last token that passes is no rounding. In nats. */
const ROUNDING = 1

/**
 * Tokens that the filters which the request itself sets never let through, in whatever order its engine applies filters
 * and temperature.
 */
export function filteredOut(
  scored: readonly ScoredPosition[],
  temperature: number,
  drawing: Drawing,
): number {
  return beyond(scored, temperature, askedFilters(drawing))
}

/** The same for filters that most engines have where the request sets none: another choice is no lie. */
export function unusual(
  scored: readonly ScoredPosition[],
  temperature: number,
  drawing: Drawing,
): number {
  return beyond(scored, temperature, usualFilters(drawing))
}

function beyond(scored: readonly ScoredPosition[], temperature: number, filters: Filters): number {
  return scored.filter((position) => {
    const { id, logprob, top } = position
    const last = top[passing(position, filters, Math.max(1, temperature)) - 1]
    if (last === undefined) return false
    const known = top.find((token) => token.id === id)?.logprob ?? logprob
    // What is not told is no likelier than the last one that is.
    return (known ?? top.at(-1)?.logprob ?? 0) < last.logprob - ROUNDING
  }).length
}
