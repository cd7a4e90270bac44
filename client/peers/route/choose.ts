import type { Load } from '../../../protocol/index.ts'
export interface Option<T> {
  readonly value: T
  /** Lower is better. */
  readonly cost: number
  /** Only the lowest tier present is chosen from. */
  readonly tier: number
  /** Requests in flight ÷ slots by a fresh sample; absent without one. */
  readonly heat?: number | undefined
}

/** Two are drawn from this many of the cheapest: enough to keep clients from all choosing the same one. */
const BEST = 8
/** Prequal (NSDI'24): a peer with more requests in flight than this quantile of the pool is hot. */
const HOT_QUANTILE = 0.84

/**
 * Power of two choices: two at random of the cheapest eight of the lowest tier. If both have a fresh sample, a cold
 * peer wins over a hot one, and of two hot ones the one with less in flight; otherwise the cheaper.
 *
 * @param random from 0, below 1
 */
export function choose<T>(options: readonly Option<T>[], random: () => number): T | undefined {
  const tier = Math.min(...options.map((option) => option.tier))
  const best = options
    .filter((option) => option.tier === tier)
    .sort((a, b) => a.cost - b.cost)
    .slice(0, BEST)
  if (best.length === 0) return undefined
  const first = Math.floor(random() * best.length)
  if (best.length === 1) return best[0]?.value
  const second = (first + 1 + Math.floor(random() * (best.length - 1))) % best.length
  const a = best[first]
  const b = best[second]
  if (a === undefined || b === undefined) return undefined
  return better(a, b, hotAbove(options)).value
}

/** How full a peer is: Prequal's requests in flight, for peers of unequal size. */
export function heatOf({ inFlight, queueDepth, slots }: Load): number {
  return (inFlight + queueDepth) / Math.max(1, slots)
}

function better<T>(a: Option<T>, b: Option<T>, limit: number): Option<T> {
  const cheaper = b.cost < a.cost ? b : a
  if (a.heat === undefined || b.heat === undefined) return cheaper
  const [hotA, hotB] = [a.heat > limit, b.heat > limit]
  if (hotA !== hotB) return hotA ? b : a
  if (!hotA || a.heat === b.heat) return cheaper
  return a.heat < b.heat ? a : b
}

/** The quantile by nearest rank: with fewer than seven samples no peer is above it. */
function hotAbove(options: readonly Option<unknown>[]): number {
  const heats = options.flatMap(({ heat }) => (heat === undefined ? [] : [heat]))
  heats.sort((a, b) => a - b)
  return heats[Math.ceil(HOT_QUANTILE * heats.length) - 1] ?? Number.POSITIVE_INFINITY
}
