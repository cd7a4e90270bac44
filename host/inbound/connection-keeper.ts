import type {
  Connection,
  ConnectionGater,
  Libp2p,
  MultiaddrConnection,
  Stream,
  StreamHandler,
} from '@libp2p/interface'
import { listenUntil } from '../listen-until.ts'
import type { ConnectionBounds } from './bounds.ts'
import { isInUse, lastIdleMs } from './idle-streams.ts'
import { type ConnectionUse, leastUseful } from './least-useful.ts'
import { originOf } from './origin.ts'
import { type Incoming, PendingConnections } from './pending.ts'

/** Tags of peers that this host keeps: bootstrap peers, relays, and peers that it relays for. */
const KEPT_TAG = /^keep-alive|relay/

export type KeptLibp2p = Pick<
  Libp2p,
  'addEventListener' | 'getConnections' | 'handle' | 'peerStore' | 'removeEventListener'
>

/** Sockets under the bounds of pending handshakes. */
export interface PendingSockets {
  /** @returns whether there is room, after closing an older one if need be */
  admit(socket: Incoming): boolean
  /** Its handshake has completed, or the connection that began on it counts from now on. */
  settle(socket: Incoming): void
}

/** Keeps a host's connections within its bounds: accepts a newcomer and closes the least useful connection of the heaviest origin. */
export class ConnectionKeeper {
  readonly #bounds: ConnectionBounds
  readonly #now: () => number
  readonly #pending: PendingConnections
  readonly #usedAtMs = new WeakMap<Connection, number>()
  #pruning: Promise<void> | undefined

  constructor(bounds: ConnectionBounds, now: () => number) {
    this.#bounds = bounds
    this.#now = now
    this.#pending = new PendingConnections(bounds, now)
  }

  readonly connectionGater: ConnectionGater = {
    denyInboundConnection: (connection: MultiaddrConnection) => !this.#pending.admit(connection),
    denyInboundUpgradedConnection: (_, connection: MultiaddrConnection) => {
      this.#pending.settle(connection)
      return false
    },
  }

  /** Where transports announce sockets on which no connection has begun yet: they count as pending handshakes. */
  get sockets(): PendingSockets {
    return this.#pending
  }

  /** Limits for libp2p's own connection manager, as a second line. */
  get limits(): {
    readonly maxConnections: number
    readonly maxIncomingPendingConnections: number
  } {
    const { open, pending } = this.#bounds
    return { maxConnections: open + pending, maxIncomingPendingConnections: 2 * pending }
  }

  /** Watches an instance until the signal fires. Streams of handlers registered from now on count as use. */
  attach(libp2p: KeptLibp2p, signal: AbortSignal, onError: (error: unknown) => void): void {
    const handle = libp2p.handle.bind(libp2p)
    libp2p.handle = async (protocols, handler, options) => {
      const used: StreamHandler = (stream: Stream, connection: Connection) => {
        this.#usedAtMs.set(connection, this.#now())
        return handler(stream, connection)
      }
      await handle(protocols, used, options)
    }
    const onOpen = (): void => {
      this.#pruning ??= this.#prune(libp2p)
        .catch(onError)
        .finally(() => {
          this.#pruning = undefined
        })
    }
    listenUntil(signal, libp2p, { 'connection:open': onOpen })
  }

  /** Closes connections until every bound holds, or no other may be closed. */
  async #prune(libp2p: KeptLibp2p): Promise<void> {
    const spared = new Set<Connection>()
    for (;;) {
      const open = libp2p.getConnections().filter((connection) => !spared.has(connection))
      const standings = open.map((connection) => this.#standingOf(connection))
      const [worst] = leastUseful(standings, this.#bounds, this.#now())
      if (worst === undefined) return
      const { connection } = worst
      spared.add(connection)
      if (await isKept(libp2p, connection)) continue
      connection.abort(new Error('too many connections'))
    }
  }

  #standingOf(connection: Connection): ConnectionUse & { readonly connection: Connection } {
    return {
      connection,
      origin: originOf(connection.remoteAddr),
      isInbound: connection.direction === 'inbound',
      isBusy: isInUse(connection),
      openedAtMs: connection.timeline.open,
      usedAtMs: this.#lastUse(connection),
    }
  }

  /** When a stream was opened, or a kept one was last in use. */
  #lastUse(connection: Connection): number | undefined {
    const opened = this.#usedAtMs.get(connection)
    return opened === undefined ? undefined : Math.max(opened, lastIdleMs(connection))
  }
}

async function isKept(
  { peerStore }: Pick<KeptLibp2p, 'peerStore'>,
  { remotePeer }: Connection,
): Promise<boolean> {
  const peer = await peerStore.get(remotePeer).catch(() => undefined)
  return [...(peer?.tags.keys() ?? [])].some((tag) => KEPT_TAG.test(tag))
}
