import type {
  Connection,
  ConnectionGater,
  Libp2p,
  MultiaddrConnection,
  Stream,
  StreamHandler,
} from '@libp2p/interface'
import { PROTOCOLS } from '../../protocol/index.ts'
import type { ConnectionBounds } from './bounds.ts'
import { leastUseful, type Standing } from './least-useful.ts'
import { originOf } from './origin.ts'
import { PendingConnections } from './pending.ts'

/** Tags of peers that this host chose to keep: bootstrap peers and relays, and those it relays for. */
const KEPT_TAG = /^keep-alive|relay/

export type KeptLibp2p = Pick<
  Libp2p,
  'addEventListener' | 'getConnections' | 'handle' | 'peerStore' | 'removeEventListener'
>

/** Keeps a host's connections within its bounds: a newcomer comes in, and the least useful one of the most goes. */
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

  /** For libp2p's own connection manager: what holds should something get past this. */
  get limits(): {
    readonly maxConnections: number
    readonly maxIncomingPendingConnections: number
  } {
    const { open, pending } = this.#bounds
    return { maxConnections: open + pending, maxIncomingPendingConnections: 2 * pending }
  }

  /** Watches an instance until the signal fires. Handlers that it gets from now on count as use. */
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
    libp2p.addEventListener('connection:open', onOpen)
    const stop = (): void => libp2p.removeEventListener('connection:open', onOpen)
    signal.addEventListener('abort', stop, { once: true })
  }

  /** Closes until every bound holds, or nothing is left that may be closed. */
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

  #standingOf(connection: Connection): Standing & { readonly connection: Connection } {
    return {
      connection,
      origin: originOf(connection.remoteAddr),
      isInbound: connection.direction === 'inbound',
      isBusy: connection.streams.some(({ protocol }) => isWork(protocol)),
      openedAtMs: connection.timeline.open,
      usedAtMs: this.#usedAtMs.get(connection),
    }
  }
}

/** The DHT's streams say nothing of use: everybody opens them. */
function isWork(protocol: string): boolean {
  return protocol.startsWith('/skein/') && protocol !== PROTOCOLS.kad
}

async function isKept(
  { peerStore }: Pick<KeptLibp2p, 'peerStore'>,
  { remotePeer }: Connection,
): Promise<boolean> {
  const peer = await peerStore.get(remotePeer).catch(() => undefined)
  return [...(peer?.tags.keys() ?? [])].some((tag) => KEPT_TAG.test(tag))
}
