import type { PeerId } from '@libp2p/interface'
import { LRUCache } from 'lru-cache'
import { openScope } from '../timing/index.ts'

/** Peers kept; with more clients in a few seconds, only the latest are waited for. */
const MAX_PEERS = 256
/** A client answered longer ago has read its answer. */
const RECENT_MS = 5_000
/** Enough for a round trip to a client that is connected. */
const TIMEOUT_MS = 1_000

export interface FarewellInit {
  /** One round trip on the connection to the peer. */
  readonly roundTrip: (peer: PeerId, options: { readonly signal: AbortSignal }) => Promise<unknown>
  readonly now: () => number
}

/**
 * A connection closed right after the last frame can lose that frame: the reader sees the end before it reads the
 * frame. So the node makes one round trip to each client before the host stops; it completes only after everything
 * sent before it was read.
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

  /** Resolves when each client has answered or timed out. */
  async say(): Promise<void> {
    const { now, roundTrip } = this.#init
    const since = now() - RECENT_MS
    const recent = [...this.#recent.values()].filter(({ atMs }) => atMs >= since)
    using scope = openScope({ timeoutMs: TIMEOUT_MS })
    const { signal } = scope
    await Promise.allSettled(recent.map(({ peer }) => roundTrip(peer, { signal })))
  }
}
