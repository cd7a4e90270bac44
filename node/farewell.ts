import type { PeerId } from '@libp2p/interface'
import { LRUCache } from 'lru-cache'
import { openScope } from '../timing/index.ts'

/** Peers remembered; a node with more clients in a few seconds says good-bye to the latest. */
const MAX_PEERS = 256
/** Whoever was answered longer ago has read its answer. */
const RECENT_MS = 5_000
/** A round trip to a client that is alive. */
const TIMEOUT_MS = 1_000

export interface FarewellInit {
  /** One round trip on the connection to the peer. */
  readonly roundTrip: (peer: PeerId, options: { readonly signal: AbortSignal }) => Promise<unknown>
  readonly now: () => number
}

/**
 * A connection that closes right behind the last frame can take it along: the reader learns of the end before it got to
 * the frame. So before the host stops, one round trip to each client: it comes back only when what was sent before it
 * was read.
 */
export class Farewell {
  readonly #init: FarewellInit
  readonly #recent = new LRUCache<string, { readonly peer: PeerId; readonly atMs: number }>({
    max: MAX_PEERS,
  })

  constructor(init: FarewellInit) {
    this.#init = init
  }

  note(peer: PeerId): void {
    const key = peer.toString()
    this.#recent.set(key, { peer, atMs: this.#init.now() })
  }

  /** Resolves when everyone answered, or is late. */
  async say(): Promise<void> {
    const { now, roundTrip } = this.#init
    const since = now() - RECENT_MS
    const recent = [...this.#recent.values()].filter(({ atMs }) => atMs >= since)
    using scope = openScope({ timeoutMs: TIMEOUT_MS })
    const { signal } = scope
    await Promise.allSettled(recent.map(({ peer }) => roundTrip(peer, { signal })))
  }
}
