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
  readonly #all = new Ratios()
  readonly #peers = new LRUCache<string, Ratios>({ max: MAX_PEERS })

  add(peer: string, ratio: number): void {
    this.#all.add(ratio)
    const own = this.#peers.peek(peer) ?? new Ratios()
    own.add(ratio)
    this.#peers.set(peer, own)
  }

  /** The 95th percentile: the peer's own, else that of all peers; undefined with too few of both. */
  p95(peer: string): number | undefined {
    return this.#peers.peek(peer)?.p95 ?? this.#all.p95
  }
}

/** The newest ratios. Kept sorted: the percentile is asked for with every request. */
class Ratios {
  readonly #inOrder: number[] = []
  readonly #sorted: number[] = []

  add(ratio: number): void {
    this.#inOrder.push(ratio)
    this.#sorted.splice(this.#placeOf(ratio), 0, ratio)
    if (this.#inOrder.length <= WINDOW) return
    const oldest = this.#inOrder.shift() ?? 0
    this.#sorted.splice(this.#placeOf(oldest), 1)
  }

  get p95(): number | undefined {
    const { length } = this.#sorted
    return length < MIN_RATIOS ? undefined : this.#sorted[Math.ceil(QUANTILE * length) - 1]
  }

  /** Of the first ratio that is not smaller. */
  #placeOf(ratio: number): number {
    let from = 0
    let to = this.#sorted.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if ((this.#sorted[middle] ?? 0) < ratio) from = middle + 1
      else to = middle
    }
    return from
  }
}
