/** Envoy's outlier detection: failures in a row, base time and maximum time. */
const FAILURES = 5
const BASE_MS = 30_000
const MAX_MS = 300_000
/** At most this share of the known peers: when most seem bad, the verdict is wrong. */
const MAX_SHARE = 0.5

interface Ejection {
  readonly untilMs: number
}

/** Peers that failed repeatedly, oldest first. */
export class Ejections {
  readonly #peers = new Map<string, Ejection>()

  /**
   * @param failures in a row, including this one
   * @param earlier ejections of this peer that still count
   * @returns the end of the ejection; undefined if the peer is not ejected
   */
  failed(peer: string, failures: number, earlier: number, nowMs: number): number | undefined {
    if (failures === 0 || failures % FAILURES !== 0) return undefined
    const untilMs = nowMs + Math.min(MAX_MS, BASE_MS * (earlier + 1))
    this.#peers.delete(peer)
    this.#peers.set(peer, { untilMs })
    return untilMs
  }

  readmit(peer: string): void {
    this.#peers.delete(peer)
  }

  /** @param known peers. At most half of them count as ejected; the oldest ejections are waived */
  has(peer: string, known: number, nowMs: number): boolean {
    for (const [other, { untilMs }] of this.#peers) {
      if (untilMs <= nowMs) this.#peers.delete(other)
    }
    let waived = this.#peers.size - Math.floor(MAX_SHARE * known)
    for (const other of this.#peers.keys()) {
      if (other === peer) return waived <= 0
      waived -= 1
    }
    return false
  }
}
