import { LRUCache } from 'lru-cache'
/** How long a slot stays reserved for other peers after one of them asked. */
export const OTHERS_AROUND_MS = 60_000
/** Names kept. Many, because those that hold a slot do not count. */
const MAX_NAMES = 1_024

interface Asked {
  readonly peer: string
  readonly atMs: number
}

/** When each connected peer, or network, last asked. */
export class OthersAround {
  readonly #isConnected: (peer: string) => boolean
  readonly #asked = new LRUCache<string, Asked>({ max: MAX_NAMES })

  /** @param isConnected whether a peer is still connected: one that left needs no slot */
  constructor(isConnected: (peer: string) => boolean) {
    this.#isConnected = isConnected
  }

  note(name: string, peer: string, atMs: number): void {
    this.#asked.set(name, { peer, atMs })
  }

  /**
   * @param holdsSlot names that do not count: they have what is reserved for others. @default none
   * @returns milliseconds; −∞ if no other connected peer has asked
   */
  lastOtherThan(name: string, holdsSlot: (name: string) => boolean = () => false): number {
    let lastMs = Number.NEGATIVE_INFINITY
    for (const [other, { peer, atMs }] of this.#asked.entries()) {
      const counts = other !== name && atMs > lastMs && !holdsSlot(other)
      if (counts && this.#isConnected(peer)) lastMs = atMs
    }
    return lastMs
  }
}
