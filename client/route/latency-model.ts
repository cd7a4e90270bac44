/** Weight of a new measurement. */
const ALPHA = 0.3
/** Peers with measurements; those unused for longest leave. */
const MAX_PEERS = 1_024
/** Before anything is measured: a near peer, a fast start, a CPU's prefill. */
const UNKNOWN = { rttMs: 20, overheadMs: 50, prefillRate: 500 } as const

export interface PeerLatency {
  readonly rttMs: number
  /** Time to the first token beyond prefill. */
  readonly overheadMs: number
  /** Tokens a second. */
  readonly prefillRate: number
}

export interface Measurement {
  /** Request sent → first visible piece. */
  readonly ttftMs: number
  readonly prefillMs: number
  /** Prompt tokens that were not in the engine's cache. */
  readonly prefilledTokens: number
}

/** Exponentially weighted averages of what each peer's answers took. */
export class LatencyModel {
  readonly #peers = new Map<string, Partial<PeerLatency>>()

  /** @param advertisedPrefillRate the peer's own claim, used until we measured. 0: none. */
  of(peer: string, advertisedPrefillRate: number): PeerLatency {
    const measured = this.#peers.get(peer)
    const claimed = advertisedPrefillRate > 0 ? advertisedPrefillRate : UNKNOWN.prefillRate
    return {
      rttMs: measured?.rttMs ?? UNKNOWN.rttMs,
      overheadMs: measured?.overheadMs ?? UNKNOWN.overheadMs,
      prefillRate: measured?.prefillRate ?? claimed,
    }
  }

  observeRtt(peer: string, rttMs: number): void {
    this.#update(peer, { rttMs })
  }

  observeAnswer(peer: string, { ttftMs, prefillMs, prefilledTokens }: Measurement): void {
    // The peer tells its prefill time; it cannot have taken longer than we waited.
    const honestMs = Math.min(prefillMs, ttftMs)
    this.#update(peer, { overheadMs: ttftMs - honestMs })
    // A handful of tokens measures the clock's grain, not the engine.
    if (prefilledTokens >= 16 && honestMs > 0) {
      this.#update(peer, { prefillRate: (prefilledTokens / honestMs) * 1000 })
    }
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

function mix(before: number | undefined, value: number): number {
  return before === undefined ? value : before + ALPHA * (value - before)
}
