/** Trust of one peer in others: positive weights, of which only the shares within a row count. */
export type TrustEdges = ReadonlyMap<string, ReadonlyMap<string, number>>

/** How trust flows. */
export interface EigenTrustOptions {
  /** Share that returns to the pre-trusted at each step, above 0, at most 1. @default 0.5 */
  readonly restart?: number
  /** @default 32: with half returning per step, the rest to distribute is below 1e-9 */
  readonly steps?: number
}

/**
 * Personalised EigenTrust: t = (1 − a)·Cᵀt + a·p, where p is spread over the pre-trusted and C has each one's trust in
 * others as shares (S. Kamvar, M. Schlosser, H. Garcia-Molina, "The EigenTrust Algorithm for Reputation Management in
 * P2P Networks", 2003). A peer without trust in others returns its mass to the pre-trusted.
 *
 * If outsiders give a clique at most the share g of their trust, its members together have at most
 * (1 − a)g ÷ (a + (1 − a)g), whatever their number and their trust in each other.
 *
 * @returns masses that sum up to 1; absent is 0
 */
export function eigenTrust(
  edges: TrustEdges,
  preTrusted: readonly string[],
  { restart = 0.5, steps = 32 }: EigenTrustOptions = {},
): ReadonlyMap<string, number> {
  const seeds = [...new Set(preTrusted)]
  if (seeds.length === 0) return new Map()
  let masses = new Map(seeds.map((seed) => [seed, 1 / seeds.length]))
  for (let step = 0; step < steps; step += 1) {
    const next = new Map<string, number>()
    let returned = restart
    for (const [from, mass] of masses) {
      const row = edges.get(from)
      const total = row === undefined ? 0 : sum(row.values())
      if (row === undefined || total <= 0) {
        returned += (1 - restart) * mass
        continue
      }
      for (const [to, weight] of row) {
        next.set(to, (next.get(to) ?? 0) + ((1 - restart) * mass * weight) / total)
      }
    }
    for (const seed of seeds) next.set(seed, (next.get(seed) ?? 0) + returned / seeds.length)
    masses = next
  }
  return masses
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
