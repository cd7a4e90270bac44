import type { PrefixMemory } from './prefix-memory.ts'
import { firstWithRoom, rendezvousOrder } from './rendezvous.ts'

/**
 * A peer that costs more than this many times the cheapest is not a home: a conversation should not stay on a slow
 * laptop.
 */
const MAX_COST_FACTOR = 4
/** Below this length a cached prefix saves less than a worse choice costs. */
const MIN_TOKENS = 32
/** Share of the prompt. A peer with less of it in its cache counts as cold. */
const MIN_WARM_SHARE = 0.5

export interface AffinityInputs<T extends { readonly key: string }> {
  readonly affinity: string
  readonly promptTokens: number
  /** The candidates of the lowest tier. */
  readonly candidates: readonly T[]
  /** What the request would cost there with a cold cache and none of our requests in flight. */
  readonly idleCost: (candidate: T) => number
  readonly inFlight: (candidate: T) => number
  readonly memory: Pick<PrefixMemory, 'warmTokens'>
  readonly salt: number
  readonly nowMs: number
}

/**
 * The peer where a conversation is at home, or the next in its order that has room: first the peers whose engines
 * already have its beginning in the cache, then the others, each group in rendezvous order. A conversation may always
 * move; this is not a pin.
 *
 * Undefined for a prompt too short to gain.
 *
 * The cost is that of a cold cache. Otherwise one warm peer among many would make all others look too expensive, and
 * the bound on its load would have no effect.
 */
export function chooseHome<T extends { readonly key: string }>(
  inputs: AffinityInputs<T>,
): T | undefined {
  const { affinity, promptTokens, candidates, memory, nowMs } = inputs
  if (promptTokens < MIN_TOKENS) return undefined
  const costs = new Map(candidates.map((candidate) => [candidate, inputs.idleCost(candidate)]))
  const bound = MAX_COST_FACTOR * Math.min(...costs.values())
  const comparable = candidates.filter((candidate) => (costs.get(candidate) ?? 0) <= bound)
  const order = rendezvousOrder(affinity, comparable, inputs.salt)
  const isWarm = ({ key }: T): boolean => {
    const tokens = memory.warmTokens(affinity, key, nowMs)
    return tokens > 0 && tokens >= MIN_WARM_SHARE * promptTokens
  }
  const warm = order.filter(isWarm)
  const cold = order.filter((candidate) => !warm.includes(candidate))
  return firstWithRoom([...warm, ...cold], inputs.inFlight)
}
