import { LRUCache } from 'lru-cache'

/** Ratios kept over all peers, and for each. */
const WINDOW = 128
/** With fewer there is no 95th percentile. */
const MIN_RATIOS = 20
/** Peers with ratios of their own; the least recently updated are evicted. */
const MAX_PEERS = 1_024
const QUANTILE = 0.95

/**
 * Measured times to the first piece, divided by the time predicted for that peer and prompt length. The division
 * removes the effect of the prompt's length: a tail caused by long prompts is no reason to hedge.
 */
export class TtftRatios {
  readonly #all: number[] = []
  readonly #peers = new LRUCache<string, number[]>({ max: MAX_PEERS })

  add(peer: string, ratio: number): void {
    push(this.#all, ratio)
    const own = this.#peers.peek(peer) ?? []
    push(own, ratio)
    this.#peers.set(peer, own)
  }

  /** The 95th percentile: the peer's own, else that of all peers; undefined with too few of both. */
  p95(peer: string): number | undefined {
    return p95Of(this.#peers.peek(peer) ?? []) ?? p95Of(this.#all)
  }
}

function push(ratios: number[], ratio: number): void {
  ratios.push(ratio)
  if (ratios.length > WINDOW) ratios.shift()
}

function p95Of(ratios: readonly number[]): number | undefined {
  if (ratios.length < MIN_RATIOS) return undefined
  // Numbers are sorted without calls of a comparison function: this runs for every request.
  return Float64Array.from(ratios).sort()[Math.ceil(QUANTILE * ratios.length) - 1]
}
