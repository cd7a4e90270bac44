import type { PeerId } from '@libp2p/interface'
import { LRUCache } from 'lru-cache'
import type { Certificate } from '../../protocol/index.ts'

/** Peers that are remembered: commands have temporary ids. */
const MAX_PEERS = 4_096

/** Peers that have proved to be clients: they may not serve, so their advertisements are refused. */
export class MemberClients {
  readonly #peers = new LRUCache<string, true>({ max: MAX_PEERS })

  has(peer: PeerId): boolean {
    return this.#peers.has(peer.toString())
  }

  /** @returns whether the peer is a client */
  note(peer: PeerId, { role }: Certificate): boolean {
    if (role === 'client') this.#peers.set(peer.toString(), true)
    else this.#peers.delete(peer.toString())
    return role === 'client'
  }
}
