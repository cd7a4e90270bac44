import { LRUCache } from 'lru-cache'
import { hashText } from './hash.ts'

/** Peers whose place is remembered. */
const MAX_PEERS = 1_024

/** So few are all among the cheapest that a choice is drawn from. */
const FEW = 8

/**
 * Orders more than a few candidates as no other client does: by a hash of their keys with this client's salt. It decides
 * which of many at equal cost count as the cheapest. By the order in which peers become known, clients that start together
 * would all turn to the same ones.
 */
export function ownOrder(
  salt: number,
): <T extends { readonly key: string }>(candidates: readonly T[]) => T[] {
  const places = new LRUCache<string, number>({ max: MAX_PEERS })
  const placeOf = (key: string): number => {
    const known = places.get(key)
    if (known !== undefined) return known
    const place = hashText(key, salt)
    places.set(key, place)
    return place
  }
  return (candidates) =>
    candidates.length > FEW
      ? candidates.toSorted((a, b) => placeOf(a.key) - placeOf(b.key))
      : [...candidates]
}
