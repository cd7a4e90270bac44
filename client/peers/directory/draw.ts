import type { Advertisement } from '../../../protocol/index.ts'
import { drawOverNetworks } from '../route/index.ts'

/** Drawn over networks first, because many peers of one network cost nothing. */
export function someOfEachNetwork(
  advertisements: readonly Advertisement[],
  count: number,
  random: () => number,
): readonly Advertisement[] {
  const left = advertisements.map((advertisement) => ({ advertisement }))
  const chosen: Advertisement[] = []
  while (left.length > 0 && chosen.length < count) {
    const drawn = drawOverNetworks(left, random)
    if (drawn === undefined) break
    left.splice(left.indexOf(drawn), 1)
    chosen.push(drawn.advertisement)
  }
  return chosen
}
