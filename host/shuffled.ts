/**
 * Some of the items, or all, in random order (Fisher-Yates).
 *
 * @param random from 0, below 1
 * @param count most items to return. @default all
 */
export function shuffled<T>(
  items: readonly T[],
  random: () => number,
  count: number = items.length,
): T[] {
  const order = [...items]
  const wanted = Math.min(count, order.length)
  for (let index = 0; index < wanted; index += 1) {
    const other = index + Math.floor(random() * (order.length - index))
    const item = order[index] as T
    order[index] = order[other] as T
    order[other] = item
  }
  return order.slice(0, wanted)
}
