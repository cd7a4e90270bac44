/** Envoy's outlier detection: failures in a row, base time, and the longest. */
const FAILURES = 5
const BASE_MS = 30_000
const MAX_MS = 300_000
/** Never more of the known peers than this: when most seem bad, the judgement is. */
const MAX_SHARE = 0.5

interface Ejection {
  readonly untilMs: number
}

/** Peers that failed again and again, oldest first. */
export class Ejections {
  readonly #peers = new Map<string, Ejection>()

  /**
   * @param failures in a row, this one included
   * @param earlier ejections of this peer that still count
   * @returns until when the peer is ejected; nothing where it is not
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

  /** @param known peers, of which at most half count as ejected: the oldest ejections are waived */
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
