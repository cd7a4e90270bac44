import type { Load } from '../../../protocol/index.ts'

/** Samples of fewer than this share of the candidates say nothing about the whole. */
const MIN_KNOWN_SHARE = 0.5
/** Below this share of peers with a free slot a further attempt only takes a slot from another request. */
const MIN_FREE_SHARE = 0.1

/**
 * Whether the network is full, by fresh samples of the candidates' load. Redundant work pays only while there is room;
 * after that it lengthens every queue (Vulimiri et al., CoNEXT'13).
 *
 * @param loads one for each candidate, undefined without a fresh sample
 */
export function isSaturated(loads: readonly (Load | undefined)[]): boolean {
  const known = loads.filter((load) => load !== undefined)
  if (known.length === 0 || known.length < MIN_KNOWN_SHARE * loads.length) return false
  return known.filter(hasRoom).length < MIN_FREE_SHARE * known.length
}

/** Whether a slot is free, by a sample of the peer's load. */
export function hasRoom({ state, inFlight, slots, queueDepth }: Load): boolean {
  return state === 'ready' && inFlight < slots && queueDepth === 0
}
