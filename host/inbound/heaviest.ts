import type { Origin } from './origin.ts'

/** The items of the address that holds the most, within the network that holds the most. */
export function ofHeaviest<T extends { readonly origin: Origin }>(
  items: readonly T[],
): readonly T[] {
  return most(
    most(items, ({ origin }) => origin.network),
    ({ origin }) => origin.address,
  )
}

/** The items of the largest group. */
export function most<T>(items: readonly T[], groupOf: (item: T) => string): readonly T[] {
  let largest: readonly T[] = []
  for (const group of Map.groupBy(items, groupOf).values()) {
    if (group.length > largest.length) largest = group
  }
  return largest
}
