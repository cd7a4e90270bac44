import type { Multiaddr } from '@multiformats/multiaddr'
import type { ConnectionBounds } from './bounds.ts'
import { ofHeaviest } from './heaviest.ts'
import { type Origin, originOf } from './origin.ts'

/** A handshake takes less than this; a younger one is not closed for a newcomer. */
const HANDSHAKE_MS = 1_000

/** A connection, or a socket on which none has begun yet. */
export interface Incoming {
  readonly remoteAddr: Multiaddr
  abort(error: Error): void
  addEventListener(type: 'close', listener: () => void, options: { readonly once: true }): void
}

interface Pending {
  readonly connection: Incoming
  readonly origin: Origin
  readonly sinceMs: number
}

/**
 * Connections with a pending handshake. Beyond the bound, the oldest of the address with the most of them is closed,
 * so that silent sockets displace only one another.
 */
export class PendingConnections {
  readonly #bounds: Pick<ConnectionBounds, 'pending' | 'pendingPerAddress'>
  readonly #now: () => number
  readonly #pending = new Map<Incoming, Pending>()

  constructor(bounds: Pick<ConnectionBounds, 'pending' | 'pendingPerAddress'>, now: () => number) {
    this.#bounds = bounds
    this.#now = now
  }

  get size(): number {
    return this.#pending.size
  }

  /** @returns whether there is room, after closing an older one if need be */
  admit(connection: Incoming): boolean {
    const origin = originOf(connection.remoteAddr)
    const all = [...this.#pending.values()]
    const neighbours = all.filter((other) => other.origin.address === origin.address)
    const isOver =
      neighbours.length >= this.#bounds.pendingPerAddress
        ? this.#giveUpOldest(neighbours)
        : all.length < this.#bounds.pending || this.#giveUpOldest(ofHeaviest(all))
    if (!isOver) return false
    this.#pending.set(connection, { connection, origin, sinceMs: this.#now() })
    connection.addEventListener('close', () => this.settle(connection), { once: true })
    return true
  }

  /** Removes a connection whose handshake has completed. */
  settle(connection: Incoming): void {
    this.#pending.delete(connection)
  }

  #giveUpOldest([oldest]: readonly Pending[]): boolean {
    if (oldest === undefined || this.#now() - oldest.sinceMs < HANDSHAKE_MS) return false
    this.#pending.delete(oldest.connection)
    oldest.connection.abort(new Error('the handshake took too long'))
    return true
  }
}
