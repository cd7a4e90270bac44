import { OthersAround } from './others-around.ts'
import type { Waiting } from './turn.ts'

/** How long slots count as contended after a request found none free. */
const CONTENDED_MS = 30_000

/** Which peers found no slot free. While others did, slow readers lose their slots. */
export class Contention {
  readonly #foundNone: OthersAround

  /** @param isConnected whether a peer is still connected: one that left needs no slot */
  constructor(isConnected: (peer: string) => boolean = () => true) {
    this.#foundNone = new OthersAround(isConnected)
  }

  /** A request of the peer found no slot free. */
  note(peer: string, nowMs: number): void {
    this.#foundNone.note(peer, peer, nowMs)
  }

  /** Whether a request of another peer waits for a slot, or found none free recently. */
  isFor(peer: string, waiting: readonly Waiting[], nowMs: number): boolean {
    if (waiting.some((one) => one.peer !== peer)) return true
    return nowMs - this.#foundNone.lastOtherThan(peer) < CONTENDED_MS
  }
}
