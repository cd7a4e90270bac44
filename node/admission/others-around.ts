/** A slot is kept for others so long after one of them asked. */
export const OTHERS_AROUND_MS = 60_000
/** Names remembered: any other than the one that asks is enough. */
const MAX_NAMES = 16

interface Asked {
  readonly peer: string
  readonly atMs: number
}

/** When peers, or networks, asked last that are still there. */
export class OthersAround {
  readonly #isConnected: (peer: string) => boolean
  /** The latest at the end. */
  readonly #asked = new Map<string, Asked>()

  /** @param isConnected whether a peer is still there: an identity that left wants no slot */
  constructor(isConnected: (peer: string) => boolean) {
    this.#isConnected = isConnected
  }

  note(name: string, peer: string, atMs: number): void {
    this.#asked.delete(name)
    this.#asked.set(name, { peer, atMs })
    const [oldest] = this.#asked.keys()
    if (this.#asked.size > MAX_NAMES && oldest !== undefined) this.#asked.delete(oldest)
  }

  /** @returns milliseconds; −∞ where no other asked or is there */
  lastOtherThan(name: string): number {
    let lastMs = Number.NEGATIVE_INFINITY
    for (const [other, { peer, atMs }] of this.#asked) {
      if (other !== name && atMs > lastMs && this.#isConnected(peer)) lastMs = atMs
    }
    return lastMs
  }
}
