import type { Connection, Libp2p } from '@libp2p/interface'
import { isRelayed } from '../../host/index.ts'

/** How a connected peer is reached: `direct` also where a relay leads to it as well. */
export type PeerPath = 'direct' | 'relayed'

export interface PeerPathsInit
  extends Pick<Libp2p, 'addEventListener' | 'getConnections' | 'removeEventListener'> {}

/** Knows how each connected peer is reached, without asking libp2p for each candidate of each choice. */
export class PeerPaths {
  readonly #libp2p: PeerPathsInit
  readonly #open = new Map<string, Set<Connection>>()

  constructor(libp2p: PeerPathsInit) {
    this.#libp2p = libp2p
    for (const connection of libp2p.getConnections()) this.#add(connection)
    libp2p.addEventListener('connection:open', this.#onOpen)
    libp2p.addEventListener('connection:close', this.#onClose)
  }

  /** @param peer its id as text @returns `undefined` while it is not connected */
  of(peer: string): PeerPath | undefined {
    const open = this.#open.get(peer)
    if (open === undefined) return undefined
    return [...open].some(({ remoteAddr }) => !isRelayed(remoteAddr)) ? 'direct' : 'relayed'
  }

  close(): void {
    this.#libp2p.removeEventListener('connection:open', this.#onOpen)
    this.#libp2p.removeEventListener('connection:close', this.#onClose)
  }

  #add(connection: Connection): void {
    const peer = connection.remotePeer.toString()
    const open = this.#open.get(peer) ?? new Set()
    this.#open.set(peer, open.add(connection))
  }

  readonly #onOpen = ({ detail }: CustomEvent<Connection>): void => this.#add(detail)

  readonly #onClose = ({ detail }: CustomEvent<Connection>): void => {
    const peer = detail.remotePeer.toString()
    const open = this.#open.get(peer)
    open?.delete(detail)
    if (open?.size === 0) this.#open.delete(peer)
  }
}
