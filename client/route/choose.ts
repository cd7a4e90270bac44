export interface Option<T> {
  readonly value: T
  /** Lower is better. */
  readonly cost: number
  /** Only the lowest tier present is chosen from. */
  readonly tier: number
}

/** Two are drawn from this many of the cheapest: enough that clients do not all herd to one. */
const BEST = 8

/**
 * Power of two choices: of the cheapest eight of the lowest tier, two at random, the cheaper wins.
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
  return (b.cost < a.cost ? b : a).value
}
