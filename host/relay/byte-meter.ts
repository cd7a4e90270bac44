import { LRUCache } from 'lru-cache'

export interface ByteMeterInit {
  /** Of all peers together. */
  readonly bytesPerSecond: number
  /** Bytes that one peer may move before it is slowed to its share. */
  readonly peerBurstBytes: number
  /** Steady rate of one peer as a part of the whole. */
  readonly peerShare: number
}

interface Level {
  bytes: number
  atMs: number
}

/** Peers whose use is kept; evicts the least recently active one. */
const MAX_PEERS = 4_096

/**
 * Decides how long the reader of a relayed stream pauses after the bytes it has just passed on. A peer that stays
 * within its share, as an answer that is being written does, does not wait unless the relay is a whole second
 * behind; one that moves much has what the others leave, and its share once its burst is used up. The clock is passed in.
 */
export class ByteMeter {
  readonly #init: ByteMeterInit
  readonly #total: Level
  readonly #peers = new LRUCache<string, Level>({ max: MAX_PEERS })

  constructor(init: ByteMeterInit, nowMs: number) {
    this.#init = init
    this.#total = { bytes: init.bytesPerSecond, atMs: nowMs }
  }

  /** @returns milliseconds to pause; 0 to go on. */
  take(peer: string, bytes: number, nowMs: number): number {
    const { bytesPerSecond, peerBurstBytes, peerShare } = this.#init
    const share = bytesPerSecond * peerShare
    const own = this.#peers.get(peer) ?? { bytes: peerBurstBytes, atMs: nowMs }
    this.#peers.set(peer, own)
    draw(own, bytes, { capacity: peerBurstBytes, perSecond: share, nowMs })
    draw(this.#total, bytes, { capacity: bytesPerSecond, perSecond: bytesPerSecond, nowMs })
    const isLight = own.bytes >= peerBurstBytes - share
    const owed = Math.max(0, -this.#total.bytes - (isLight ? bytesPerSecond : 0))
    return Math.ceil(1_000 * Math.max(owed / bytesPerSecond, -own.bytes / share, 0))
  }
}

/** The balance may become negative: received bytes cannot be refused, only the next ones delayed. */
function draw(
  level: Level,
  bytes: number,
  init: { readonly capacity: number; readonly perSecond: number; readonly nowMs: number },
): void {
  const refilled = (Math.max(0, init.nowMs - level.atMs) / 1_000) * init.perSecond
  level.bytes = Math.min(init.capacity, level.bytes + refilled) - bytes
  level.atMs = init.nowMs
}
