import { LRUCache } from 'lru-cache'

export interface ByteMeterInit {
  /** Of all peers together. */
  readonly bytesPerSecond: number
  /** Bytes that one peer may move before it is slowed to its share. */
  readonly peerBurstBytes: number
  /** Steady rate of one peer as a part of the whole. */
  readonly peerShare: number
  /** What one public network has, as a multiple of both. */
  readonly networkShares: number
}

interface Level {
  bytes: number
  atMs: number
}

/** Peers, and networks, whose use is kept; evicts the least recently active one. */
const MAX_KEPT = 4_096

/**
 * Decides how long the reader of a relayed stream pauses after the bytes it has just passed on. A peer that stays
 * within its share, as an answer that is being written does, does not wait unless the relay is a whole second
 * behind; one that moves much has what the others leave, and its share once its burst is used up. The same holds for all
 * peers of a network together: identities cost nothing. The clock is passed in.
 */
export class ByteMeter {
  readonly #init: ByteMeterInit
  readonly #total: Level
  readonly #peers = new LRUCache<string, Level>({ max: MAX_KEPT })
  readonly #networks = new LRUCache<string, Level>({ max: MAX_KEPT })

  constructor(init: ByteMeterInit, nowMs: number) {
    this.#init = init
    this.#total = { bytes: init.bytesPerSecond, atMs: nowMs }
  }

  /**
   * @param network of the peer; absent on a LAN
   * @returns milliseconds to pause; 0 to go on
   */
  take(peer: string, network: string | undefined, bytes: number, nowMs: number): number {
    const { bytesPerSecond, networkShares } = this.#init
    draw(this.#total, bytes, { capacity: bytesPerSecond, perSecond: bytesPerSecond, nowMs })
    const uses = [this.#use(this.#peers, peer, 1, bytes, nowMs)]
    if (network !== undefined)
      uses.push(this.#use(this.#networks, network, networkShares, bytes, nowMs))
    const isLight = uses.every((use) => use.isLight)
    const owed = Math.max(0, -this.#total.bytes - (isLight ? bytesPerSecond : 0))
    return Math.ceil(1_000 * Math.max(owed / bytesPerSecond, ...uses.map(({ owedS }) => owedS)))
  }

  #use(
    levels: LRUCache<string, Level>,
    key: string,
    shares: number,
    bytes: number,
    nowMs: number,
  ): { readonly isLight: boolean; readonly owedS: number } {
    const perSecond = this.#init.bytesPerSecond * this.#init.peerShare * shares
    const capacity = this.#init.peerBurstBytes * shares
    const level = levels.get(key) ?? { bytes: capacity, atMs: nowMs }
    levels.set(key, level)
    draw(level, bytes, { capacity, perSecond, nowMs })
    return {
      isLight: level.bytes >= capacity - perSecond,
      owedS: Math.max(0, -level.bytes / perSecond),
    }
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
