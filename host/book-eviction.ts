/** What decides whether an advertisement stays. */
export interface BookEntryTraits {
  readonly expiresAtMs: number
  /** Whether the signer itself gave it to us, rather than somebody else. */
  readonly direct: boolean
}

/**
 * Which entry makes room: expired ones first, then hearsay, then whatever expires soonest. So a peer that tells of
 * a thousand others cannot push out those we talk to.
 *
 * @returns its key, or `undefined` for an empty book.
 */
export function chooseEviction<K>(
  entries: Iterable<readonly [K, BookEntryTraits]>,
  nowMs: number,
): K | undefined {
  const rank = (entry: BookEntryTraits): number =>
    entry.expiresAtMs <= nowMs ? 0 : entry.direct ? 2 : 1
  let worst: readonly [K, BookEntryTraits] | undefined
  for (const candidate of entries) {
    if (worst === undefined) {
      worst = candidate
      continue
    }
    const order = rank(candidate[1]) - rank(worst[1])
    if (order < 0 || (order === 0 && candidate[1].expiresAtMs < worst[1].expiresAtMs))
      worst = candidate
  }
  return worst?.[0]
}
