import { LRUCache } from 'lru-cache'
import type { Load } from '../../../protocol/index.ts'

/** Prequal (NSDI'24): when choices rely on a sample older than this, many clients pick the same peer. */
const MAX_AGE_MS = 500
/** Prequal's bound on reuse: each request sent to the peer makes the sample less accurate. */
const MAX_USES = 3
/** Draining is final and loading takes long: these states stay valid longer, whatever the number of requests. */
const MAX_STATE_AGE_MS = 5_000
/** Peers with a sample; the least recently updated are evicted. */
const MAX_SAMPLES = 1_024

interface Sample {
  readonly load: Load
  readonly atMs: number
  readonly uses: number
}

/** The newest load sample of each peer, by peer id. Times are of one monotonic clock. */
export class LoadPool {
  readonly #samples = new LRUCache<string, Sample>({ max: MAX_SAMPLES })

  add(peer: string, load: Load, nowMs: number): void {
    this.#samples.set(peer, { load, atMs: nowMs, uses: 0 })
  }

  /** A request is sent to the peer because of this sample, and counts as in flight there from now on. */
  use(peer: string): void {
    const sample = this.#samples.peek(peer)
    if (sample === undefined) return
    const load = { ...sample.load, inFlight: sample.load.inFlight + 1 }
    this.#samples.set(peer, { ...sample, load, uses: sample.uses + 1 })
  }

  /** The sample, unless it is too old or was used too often to choose by. */
  fresh(peer: string, nowMs: number): Load | undefined {
    const sample = this.#samples.peek(peer)
    if (sample === undefined) return undefined
    const { load, atMs, uses } = sample
    const ageMs = nowMs - atMs
    if (load.state === 'draining' || load.state === 'loading') {
      return ageMs <= MAX_STATE_AGE_MS ? load : undefined
    }
    return ageMs <= MAX_AGE_MS && uses < MAX_USES ? load : undefined
  }

  get size(): number {
    return this.#samples.size
  }
}
