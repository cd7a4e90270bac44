import type { PeerId } from '@libp2p/interface'
import { TokenBucket, type TokenBucketInit } from './token-bucket.ts'

/** Peers whose rate is remembered; the one not heard of for longest is forgotten. */
const MAX_PEERS = 4_096

/** One token bucket for each peer, or for whatever else the key names. */
export class PeerRates {
  readonly #rate: TokenBucketInit
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(rate: TokenBucketInit) {
    this.#rate = rate
  }

  /** Takes one token of the peer's if there is one. */
  take(peer: PeerId | string, nowMs: number): boolean {
    const key = peer.toString()
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, nowMs)
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > MAX_PEERS && oldest !== undefined) this.#buckets.delete(oldest)
    return bucket.take(nowMs)
  }
}
