import type { Load } from '../../protocol/index.ts'

/** Prequal (NSDI'24) lets a sample live for about this long: beyond it, choosing by it herds. */
const MAX_AGE_MS = 1_000
/** Draining is not undone, loading lasts: those states are believed longer than a number of requests. */
const MAX_STATE_AGE_MS = 5_000
/** Peers with a sample; the oldest leave. */
const MAX_SAMPLES = 1_024

interface Sample {
  readonly load: Load
  readonly atMs: number
}

/** The newest load sample of each peer, by peer id. Times are of one monotonic clock. */
export class LoadPool {
  readonly #samples = new Map<string, Sample>()

  add(peer: string, load: Load, nowMs: number): void {
    this.#samples.delete(peer)
    this.#samples.set(peer, { load, atMs: nowMs })
    const [oldest] = this.#samples.keys()
    if (this.#samples.size > MAX_SAMPLES && oldest !== undefined) this.#samples.delete(oldest)
  }

  /** The sample, unless it is too old to choose by. */
  fresh(peer: string, nowMs: number): Load | undefined {
    const sample = this.#samples.get(peer)
    if (sample === undefined) return undefined
    const { state } = sample.load
    const lasting = state === 'draining' || state === 'loading'
    const maxAgeMs = lasting ? MAX_STATE_AGE_MS : MAX_AGE_MS
    return nowMs - sample.atMs <= maxAgeMs ? sample.load : undefined
  }

  get size(): number {
    return this.#samples.size
  }
}
