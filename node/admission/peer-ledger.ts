import { InferenceError } from '../../protocol/index.ts'
import {
  type BucketRate,
  type BucketState,
  fullBucket,
  refill,
  takeOne,
} from '../../timing/index.ts'
export interface PeerLedgerInit {
  /** Streams that one peer may have open: uploading, waiting and running together. */
  readonly maxStreams: number
  /** Streams that one peer may open over time. */
  readonly rate: BucketRate
  /** Peers kept. A peer with open streams is never evicted. */
  readonly maxPeers: number
  readonly now: () => number
}

interface Entry {
  streams: number
  bucket: BucketState
}

/** Streams of each peer, open and over time. Bounded: evicts the least recently seen peer. */
export class PeerLedger {
  readonly #init: PeerLedgerInit
  /** In order of the last stream. */
  readonly #entries = new Map<string, Entry>()

  constructor(init: PeerLedgerInit) {
    this.#init = init
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * Counts one stream of `peer` in.
   *
   * @returns counts it out; calling it again does nothing.
   * @throws InferenceError `rate_limited`
   */
  open(peer: string): () => void {
    const { rate, maxStreams, now } = this.#init
    const entry = this.#entries.get(peer) ?? { streams: 0, bucket: fullBucket(rate, now()) }
    this.#entries.delete(peer)
    this.#entries.set(peer, entry)
    this.#forget(peer)
    const { state, taken, waitMs } = takeOne(entry.bucket, rate, now())
    entry.bucket = state
    if (!taken) {
      throw new InferenceError('rate_limited', 'too many requests from this peer', {
        retryAfterMs: Math.ceil(waitMs),
      })
    }
    if (entry.streams >= maxStreams) {
      throw new InferenceError(
        'rate_limited',
        `this peer has ${maxStreams} requests here already, which is all it may have`,
        { retryAfterMs: 1_000 },
      )
    }
    entry.streams += 1
    let open = true
    return () => {
      if (open) entry.streams -= 1
      open = false
    }
  }

  #forget(newest: string): void {
    const { maxPeers, rate, now } = this.#init
    if (this.#entries.size <= maxPeers) return
    for (const [peer, entry] of this.#entries) {
      if (entry.streams > 0 || peer === newest) continue
      // Evicting a peer refills its bucket, so peers with a full bucket can go first.
      const full = refill(entry.bucket, rate, now()).amount >= rate.burst
      if (full || this.#entries.size > 2 * maxPeers) this.#entries.delete(peer)
      if (this.#entries.size <= maxPeers) return
    }
  }
}
