/** Weight of a new measurement. */
const ALPHA = 0.3
/** Peers with measurements; those unused for longest leave. */
const MAX_PEERS = 1_024
/** A handful of tokens measures the clock's grain, not the engine. */
const MIN_MEASURED_TOKENS = 16
/** Before anything is measured: a near peer, a fast start, a CPU's prefill and decode. */
const UNKNOWN = { rttMs: 20, overheadMs: 50, prefillRate: 500, decodeRate: 20 } as const

export interface PeerLatency {
  readonly rttMs: number
  /** Time to the first piece beyond round trip and prefill. */
  readonly overheadMs: number
  /** Tokens a second. */
  readonly prefillRate: number
  /** Tokens a second. */
  readonly decodeRate: number
}

/** Tokens that took so long. */
export interface Stretch {
  readonly tokens: number
  readonly ms: number
}

/** Exponentially weighted averages of what each peer's answers took. */
export class LatencyModel {
  readonly #peers = new Map<string, Partial<PeerLatency>>()

  /** @param claims the peer's own, in tokens a second, used until we measured. 0: none. */
  of(peer: string, claims: Readonly<Record<'prefillRate' | 'decodeRate', number>>): PeerLatency {
    const measured = this.#peers.get(peer)
    const claimed = (rate: 'prefillRate' | 'decodeRate'): number =>
      claims[rate] > 0 ? claims[rate] : UNKNOWN[rate]
    return {
      rttMs: measured?.rttMs ?? UNKNOWN.rttMs,
      overheadMs: measured?.overheadMs ?? UNKNOWN.overheadMs,
      prefillRate: measured?.prefillRate ?? claimed('prefillRate'),
      decodeRate: measured?.decodeRate ?? claimed('decodeRate'),
    }
  }

  observeRtt(peer: string, rttMs: number): void {
    this.#update(peer, { rttMs })
  }

  observeOverhead(peer: string, overheadMs: number): void {
    this.#update(peer, { overheadMs: Math.max(0, overheadMs) })
  }

  observePrefill(peer: string, stretch: Stretch): void {
    const prefillRate = rateOf(stretch)
    if (prefillRate !== undefined) this.#update(peer, { prefillRate })
  }

  observeDecode(peer: string, stretch: Stretch): void {
    const decodeRate = rateOf(stretch)
    if (decodeRate !== undefined) this.#update(peer, { decodeRate })
  }

  get size(): number {
    return this.#peers.size
  }

  #update(peer: string, measured: Partial<PeerLatency>): void {
    const before = this.#peers.get(peer) ?? {}
    const after: { -readonly [K in keyof PeerLatency]?: PeerLatency[K] } = { ...before }
    for (const key of Object.keys(measured) as (keyof PeerLatency)[]) {
      const value = measured[key]
      if (value !== undefined) after[key] = mix(before[key], value)
    }
    this.#peers.delete(peer)
    this.#peers.set(peer, after)
    const [oldest] = this.#peers.keys()
    if (this.#peers.size > MAX_PEERS && oldest !== undefined) this.#peers.delete(oldest)
  }
}

function rateOf({ tokens, ms }: Stretch): number | undefined {
  return tokens >= MIN_MEASURED_TOKENS && ms > 0 ? (tokens / ms) * 1000 : undefined
}

function mix(before: number | undefined, value: number): number {
  return before === undefined ? value : before + ALPHA * (value - before)
}
