import { SPLIT_LIMITS } from './limits.ts'

/** Guided self-scheduling (Polychronopoulos and Kuck, 1987) takes 1 ÷ lanes of what is left; half of that evens out peers of unequal speed. */
const ROUNDS = 2
/** A part shorter than this is mostly round trip. */
const MIN_PART_MS = 50
/** A part that is lost with its peer costs no more than this. */
const MAX_PART_MS = 2_000

/**
 * How many items the next part takes: large at first, small at the end, so that all peers end together.
 *
 * @param itemMs what one item takes, where it was measured
 */
export function shardSize(remaining: number, lanes: number, itemMs: number | undefined): number {
  const guided = Math.ceil(remaining / (ROUNDS * Math.max(1, lanes)))
  const least = itemMs === undefined ? 1 : MIN_PART_MS / Math.max(itemMs, Number.MIN_VALUE)
  const most = itemMs === undefined ? SPLIT_LIMITS.firstShardInputs : MAX_PART_MS / itemMs
  const size = Math.min(Math.max(guided, least), Math.max(1, most), MAX_ITEMS, remaining)
  return Math.max(1, Math.floor(size))
}

/** Below what a node takes in one request, so that an answer is read in one go. */
const MAX_ITEMS = 512
