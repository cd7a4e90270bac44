import { SPLIT_LIMITS } from './limits.ts'

/** Guided self-scheduling (Polychronopoulos and Kuck, 1987) takes 1 ÷ concurrency of the rest; half of that evens out peers of unequal speed. */
const ROUNDS = 2
/** A shorter part is mostly round trip. */
const MIN_PART_MS = 50
/** Max work lost when a peer fails. */
const MAX_PART_MS = 2_000
/** Below the node's limit for one request, so that one answer fits into one read. */
const MAX_ITEMS = 512

/**
 * Number of items of the next part: large at first, small at the end, so that all peers finish together.
 *
 * @param itemMs measured time per item, if known
 */
export function shardSize(
  remaining: number,
  concurrency: number,
  itemMs: number | undefined,
): number {
  const guided = Math.ceil(remaining / (ROUNDS * Math.max(1, concurrency)))
  const least = itemMs === undefined ? 1 : MIN_PART_MS / Math.max(itemMs, Number.MIN_VALUE)
  const most = itemMs === undefined ? SPLIT_LIMITS.firstShardInputs : MAX_PART_MS / itemMs
  const size = Math.min(Math.max(guided, least), Math.max(1, most), MAX_ITEMS, remaining)
  return Math.max(1, Math.floor(size))
}
