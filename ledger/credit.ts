/** What was given counts half after a day. So does what was taken: the two are held against each other. */
export const CREDIT_HALF_LIFE_MS = 86_400_000

/** Share of its credit that a peer's word can pass on. */
const PASSED_ON = 0.5
/** With half passed on each time, what is left to move is below 1e-9. */
const STEPS = 32

/** Tokens of work that somebody says it was given: by client, then by whom the work is credited to. */
export type Claims = ReadonlyMap<string, ReadonlyMap<string, number>>

/**
 * Tokens of work credited to each peer: a flow that begins at the seeds and is never more than came in. A seed's word
 * counts in full. Anybody else's passes on credit that it has itself: half of it at most, shared out by what it says
 * that it was given by each, and no more than that. Passed on is gone, except what goes to a seed, which is no newcomer
 * to be lifted: so nobody loses by a receipt for the reader's own circle.
 *
 * Whatever a group without seeds claims, its members have at most as much together as those outside vouched for (seeds
 * what they signed, others half of their own credit): of what a member passes on inside, the other has what it lost.
 * More identities, receipts or tokens in them move credit within the group, and bring none into it.
 *
 * @returns absent is 0
 */
export function creditFlow(claims: Claims, seeds: readonly string[]): ReadonlyMap<string, number> {
  const trusted = new Set(seeds)
  const direct = new Map<string, number>()
  for (const seed of trusted) addAll(direct, claims.get(seed), 1)
  let received: ReadonlyMap<string, number> = direct
  for (let step = 0; step < STEPS; step += 1) {
    const next = new Map(direct)
    for (const [peer, tokens] of received) {
      if (!trusted.has(peer)) addAll(next, claims.get(peer), shareOf(claims.get(peer), tokens))
    }
    received = next
  }
  const kept = new Map<string, number>()
  for (const [peer, tokens] of received) {
    kept.set(peer, tokens - (trusted.has(peer) ? 0 : lost(claims.get(peer), tokens, trusted)))
  }
  return kept
}

/** How much of each of its claims a peer's credit covers, from 0 to 1. */
function shareOf(row: ReadonlyMap<string, number> | undefined, tokens: number): number {
  const claimed = [...(row?.values() ?? [])].reduce((sum, one) => sum + one, 0)
  return claimed > 0 ? Math.min(1, (PASSED_ON * tokens) / claimed) : 0
}

function lost(
  row: ReadonlyMap<string, number> | undefined,
  tokens: number,
  seeds: ReadonlySet<string>,
): number {
  const share = shareOf(row, tokens)
  return [...(row ?? [])].reduce((sum, [to, one]) => sum + (seeds.has(to) ? 0 : share * one), 0)
}

function addAll(
  sums: Map<string, number>,
  row: ReadonlyMap<string, number> | undefined,
  share: number,
): void {
  for (const [to, tokens] of row ?? []) sums.set(to, (sums.get(to) ?? 0) + share * tokens)
}
