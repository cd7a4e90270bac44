/** First failure in a row; doubles with each further one. */
const BASE_MS = 5_000
/** Envoy's bound for ejections. */
const MAX_MS = 300_000
/** Peers remembered; the oldest leave. */
const MAX_PEERS = 1_024

interface Suspicion {
  readonly failures: number
  readonly untilMs: number
}

/** Peers that failed us lately. Asked last, never excluded: when all are suspect, one is used anyway. */
export class Suspects {
  readonly #peers = new Map<string, Suspicion>()

  failed(peer: string, nowMs: number): void {
    const failures = (this.#peers.get(peer)?.failures ?? 0) + 1
    const untilMs = nowMs + Math.min(MAX_MS, BASE_MS * 2 ** (failures - 1))
    this.#peers.delete(peer)
    this.#peers.set(peer, { failures, untilMs })
    const [oldest] = this.#peers.keys()
    if (this.#peers.size > MAX_PEERS && oldest !== undefined) this.#peers.delete(oldest)
  }

  answered(peer: string): void {
    this.#peers.delete(peer)
  }

  has(peer: string, nowMs: number): boolean {
    const suspicion = this.#peers.get(peer)
    return suspicion !== undefined && nowMs < suspicion.untilMs
  }
}
