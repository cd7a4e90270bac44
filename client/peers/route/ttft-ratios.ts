import { LRUCache } from 'lru-cache'
import { NewestValues } from '../../../timing/index.ts'

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
  readonly #all = new NewestValues(WINDOW)
  readonly #peers = new LRUCache<string, NewestValues>({ max: MAX_PEERS })

  add(peer: string, ratio: number): void {
    this.#all.add(ratio)
    const own = this.#peers.peek(peer) ?? new NewestValues(WINDOW)
    own.add(ratio)
    this.#peers.set(peer, own)
  }

  /** The 95th percentile: the peer's own, else that of all peers; undefined with too few of both. */
  p95(peer: string): number | undefined {
    const own = this.#peers.peek(peer)
    return (own && p95Of(own)) ?? p95Of(this.#all)
  }
}

function p95Of(ratios: NewestValues): number | undefined {
  const { count } = ratios
  return count < MIN_RATIOS ? undefined : ratios.at(Math.ceil(QUANTILE * count) - 1)
}
