import type { Acquaintance } from './acquaintance.ts'

/** What decides whether an advertisement stays. */
export interface BookEntryTraits {
  readonly expiresAtMs: number
  readonly acquaintance: Acquaintance
  /** The peer it came from. */
  readonly source: string
  /** When it was taken in, by our clock: the times inside are the signer's claims. */
  readonly takenAtMs: number
}

const RANK = { heard: 1, met: 2, answered: 3 } as const satisfies Record<Acquaintance, number>

/**
 * Which entry makes room: expired ones of peers that never answered, then hearsay, then peers that were met, then those
 * that answered. Within a rank the source with the most entries loses its oldest. So a peer that tells of a thousand
 * others pushes out only what it told itself, and a thousand identities push out none that answered.
 *
 * @returns its key, or `undefined` for an empty book.
 */
export function chooseEviction<K>(
  entries: Iterable<readonly [K, BookEntryTraits]>,
  nowMs: number,
): K | undefined {
  const rank = ({ acquaintance, expiresAtMs }: BookEntryTraits): number =>
    expiresAtMs <= nowMs && acquaintance !== 'answered' ? 0 : RANK[acquaintance]
  const all = [...entries]
  const lowest = Math.min(...all.map(([, entry]) => rank(entry)))
  const worst = all.filter(([, entry]) => rank(entry) === lowest)
  const bySource = Map.groupBy(worst, ([, { source }]) => source)
  const largest = [...bySource.values()].reduce<(typeof worst)[number][]>(
    (most, some) => (some.length > most.length ? some : most),
    [],
  )
  const ages = largest.map(([, { takenAtMs }]) => takenAtMs)
  return largest[ages.indexOf(Math.min(...ages))]?.[0]
}
