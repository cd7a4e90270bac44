import type { PeerId } from '@libp2p/interface'
import { LRUCache } from 'lru-cache'
import { type BucketRate, type BucketState, fullBucket, takeOne } from '../timing/index.ts'

/** Peers whose rate is kept. */
const MAX_PEERS = 4_096

/** One token bucket for each key, usually a peer id. */
export class PeerRates {
  readonly #rate: BucketRate
  readonly #buckets = new LRUCache<string, BucketState>({ max: MAX_PEERS })

  constructor(rate: BucketRate) {
    this.#rate = rate
  }

  /** Takes one token of the peer's bucket if available. */
  take(peer: PeerId | string, nowMs: number): boolean {
    const key = peer.toString()
    const bucket = this.#buckets.get(key) ?? fullBucket(this.#rate, nowMs)
    const { state, taken } = takeOne(bucket, this.#rate, nowMs)
    this.#buckets.set(key, state)
    return taken
  }
}
