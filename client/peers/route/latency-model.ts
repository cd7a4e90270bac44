import { LRUCache } from 'lru-cache'

/** Weight of a new measurement. */
const ALPHA = 0.3
/** Peers with measurements; the least recently updated are evicted. */
const MAX_PEERS = 1_024
/** A few tokens measure the clock's resolution, not the engine. */
const MIN_MEASURED_TOKENS = 16
/** Assumed before any measurement: a near peer, a fast start, prefill and decode of a CPU. */
const UNKNOWN = { rttMs: 20, overheadMs: 50, prefillRate: 500, decodeRate: 20 } as const

/**
 * The part of a wait that exceeds the assumption for an unknown peer loses half of its weight in this time. Otherwise a
 * peer that was slow once, while it loaded its model, would never be asked again and never be measured again (PeakEWMA
 * decays likewise).
 */
const OVERHEAD_HALF_LIFE_MS = 60_000

export interface PeerLatency {
  readonly rttMs: number
  /** Time to the first piece beyond round trip and prefill. */
  readonly overheadMs: number
  /** Tokens per second. */
  readonly prefillRate: number
  /** Tokens per second. */
  readonly decodeRate: number
}

type Rate = 'decodeRate' | 'prefillRate'

/** A number of tokens and the time they took. */
export interface Stretch {
  readonly tokens: number
  readonly ms: number
}

interface Measured extends Partial<Omit<PeerLatency, 'overheadMs'>> {
  readonly overhead?: { readonly ms: number; readonly atMs: number }
}

/** Exponentially weighted averages of the times of each peer's answers. */
export class LatencyModel {
  readonly #peers = new LRUCache<string, Measured>({ max: MAX_PEERS })
  /** Undefined where no peer has a measured rate yet. */
  readonly #medians = new Map<Rate, number | undefined>()

  /**
   * @param claims the peer's own, in tokens per second. Used until there is a measurement, up to the median of the
   * rates measured at others, or, without any, the assumption for an unknown peer: a claim never ranks a peer above one
   * with measured rates. 0: no claim.
   */
  of(peer: string, claims: Readonly<Record<Rate, number>>, nowMs: number): PeerLatency {
    const measured = this.#peers.peek(peer)
    const claimed = (rate: Rate): number => {
      const typical = this.#median(rate) ?? UNKNOWN[rate]
      return claims[rate] > 0 ? Math.min(claims[rate], typical) : Math.min(UNKNOWN[rate], typical)
    }
    return {
      rttMs: measured?.rttMs ?? UNKNOWN.rttMs,
      overheadMs: this.#overheadMs(measured, nowMs) ?? UNKNOWN.overheadMs,
      prefillRate: measured?.prefillRate ?? claimed('prefillRate'),
      decodeRate: measured?.decodeRate ?? claimed('decodeRate'),
    }
  }

  observeRtt(peer: string, rttMs: number): void {
    const before = this.#peers.peek(peer)
    this.#peers.set(peer, { ...before, rttMs: mix(before?.rttMs, rttMs) })
  }

  observeOverhead(peer: string, overheadMs: number, nowMs: number): void {
    const before = this.#peers.peek(peer)
    const ms = mix(this.#overheadMs(before, nowMs), Math.max(0, overheadMs))
    this.#peers.set(peer, { ...before, overhead: { ms, atMs: nowMs } })
  }

  /** A lower bound of the time; averaging it with earlier measurements would fall below it. */
  raiseOverhead(peer: string, overheadMs: number, nowMs: number): void {
    const before = this.#peers.peek(peer)
    const ms = Math.max(this.#overheadMs(before, nowMs) ?? 0, overheadMs)
    this.#peers.set(peer, { ...before, overhead: { ms, atMs: nowMs } })
  }

  observePrefill(peer: string, stretch: Stretch): void {
    this.#observeRate(peer, 'prefillRate', stretch)
  }

  observeDecode(peer: string, stretch: Stretch): void {
    this.#observeRate(peer, 'decodeRate', stretch)
  }

  get size(): number {
    return this.#peers.size
  }

  #overheadMs(measured: Measured | undefined, nowMs: number): number | undefined {
    if (measured?.overhead === undefined) return undefined
    const { ms, atMs } = measured.overhead
    const excessMs = Math.max(0, ms - UNKNOWN.overheadMs)
    return ms - excessMs + excessMs * 2 ** ((atMs - nowMs) / OVERHEAD_HALF_LIFE_MS)
  }

  /** Median of a measured rate, the lower one of two. Undefined without a measurement. */
  #median(rate: Rate): number | undefined {
    if (this.#medians.has(rate)) return this.#medians.get(rate)
    const rates = [...this.#peers.values()].flatMap((measured) => measured[rate] ?? [])
    const median = rates.sort((a, b) => a - b)[Math.ceil(rates.length / 2) - 1]
    this.#medians.set(rate, median)
    return median
  }

  #observeRate(peer: string, rate: Rate, { tokens, ms }: Stretch): void {
    if (tokens < MIN_MEASURED_TOKENS || !(ms > 0)) return
    const before = this.#peers.peek(peer)
    this.#peers.set(peer, { ...before, [rate]: mix(before?.[rate], (tokens / ms) * 1000) })
    this.#medians.delete(rate)
  }
}

function mix(before: number | undefined, value: number): number {
  return before === undefined ? value : before + ALPHA * (value - before)
}
