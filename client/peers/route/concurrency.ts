import { LRUCache } from 'lru-cache'

/** From Netflix's concurrency-limits, Gradient2: tolerance and smoothing. */
const TOLERANCE = 1.5
const SMOOTHING = 0.2
const MIN_GRADIENT = 0.5
/** Small at first: a laptop's engine has few slots. */
const INITIAL = 8
const MIN = 2
const MAX = 512
/** Weight of a new sample in the long average: about fifty answers. */
const LONG_ALPHA = 0.04
/** The first samples are averaged evenly, so that one unusual value does not set the scale. */
const WARM_UP = 10
/** A long average this many times the newest sample comes from a slower time and shrinks faster. */
const STALE_FACTOR = 2
const STALE_DECAY = 0.95
/** Peers with a limit of their own; the least recently updated are evicted. */
const MAX_PEERS = 1_024

interface Limit {
  readonly limit: number
  /** Long-term average of the samples. */
  readonly long: number
  readonly samples: number
}

const UNMEASURED: Limit = { limit: INITIAL, long: 0, samples: 0 }

/** The limit after one more sample. @param sample how slowly the answer began, in any unit; load makes it larger */
function nextLimit(before: Limit, sample: number, inFlight: number): Limit {
  const samples = before.samples + 1
  const alpha = samples <= WARM_UP ? 1 / samples : LONG_ALPHA
  const average = before.long + alpha * (sample - before.long)
  const long = average > STALE_FACTOR * sample ? average * STALE_DECAY : average
  const gradient = Math.min(1, Math.max(MIN_GRADIENT, (TOLERANCE * long) / sample))
  const target = before.limit * gradient + Math.sqrt(before.limit)
  const smoothed = before.limit + SMOOTHING * (target - before.limit)
  // If the limit was not reached, a good sample does not prove that a higher one would work.
  const grown = inFlight < before.limit / 2 ? Math.min(smoothed, before.limit) : smoothed
  return { limit: Math.min(MAX, Math.max(MIN, grown)), long, samples }
}

/** How many of our requests each peer handles well at once. Advice only: the node's own admission decides. */
export class ConcurrencyLimits {
  readonly #limits = new LRUCache<string, Limit>({ max: MAX_PEERS })

  of(peer: string): number {
    return Math.floor((this.#limits.peek(peer) ?? UNMEASURED).limit)
  }

  observe(peer: string, sample: number, inFlight: number): void {
    if (!(sample > 0)) return
    const before = this.#limits.peek(peer) ?? UNMEASURED
    this.#limits.set(peer, nextLimit(before, sample, inFlight))
  }
}
