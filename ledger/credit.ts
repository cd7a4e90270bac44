/** Work given and work taken both decay by half per day, so that they can be compared. */
export const CREDIT_HALF_LIFE_MS = 86_400_000

/** Share of its credit that a peer can pass on by its receipts. */
const PASSED_ON = 0.5
/** With half passed on per round, the rest to distribute is below 1e-9. */
const STEPS = 32

/** Tokens of work that clients say they received: by client, then by beneficiary. */
export type Claims = ReadonlyMap<string, ReadonlyMap<string, number>>

/**
 * Tokens of work credited to each peer: a flow that begins at the seeds and never exceeds what came in. Receipts of a
 * seed count in full. Receipts of any other peer pass on its own credit: at most half of it, divided in proportion to
 * the work it received from each, and at most that work. Credit that is passed on is deducted from the giver, except
 * credit for a seed: a receipt for the reader's own circle costs nothing.
 *
 * Whatever a group without seeds claims, its members together have at most what outsiders vouched for (seeds what they
 * signed, others half of their own credit): what one member passes to another inside, the first loses. More identities,
 * receipts or tokens move credit within the group and bring none into it.
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
