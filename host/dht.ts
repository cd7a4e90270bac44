import type { AbortOptions, PeerId, PeerInfo, PeerStore } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { CID } from 'multiformats/cid'
import { InferenceError } from '../protocol/index.ts'
import { createDeadline, pause } from './deadline.ts'

/** The part of kad-dht's routing table that its interface leaves out. */
export interface RoutingTableView {
  readonly size: number
  addEventListener(type: 'peer:add', listener: () => void): void
  removeEventListener(type: 'peer:add', listener: () => void): void
}

export interface DhtInit {
  readonly dht: KadDHT
  readonly self: PeerId
  readonly peerStore: Pick<PeerStore, 'merge'>
  /** Fires when the host stops. */
  readonly signal: AbortSignal
  /** From 0 to 1. */
  readonly random: () => number
  readonly onError: (what: string, error: unknown) => void
}

/** Announcing and finding, on a table that fills by itself. */
export interface Dht {
  readonly table: RoutingTableView
  provide(key: CID, options?: AbortOptions): Promise<void>
  stopProviding(key: CID, options?: AbortOptions): Promise<void>
  findProviders(key: CID, options?: AbortOptions): AsyncGenerator<PeerId, void, void>
}

const QUERY_TIMEOUT_MS = 30_000
/** Peers that arrive together are looked up from together. */
const GATHER_MS = 50
/** Kademlia's k: with a record at so many peers, more of them change nothing. */
const REPLICATION = 20

export function createDht(init: DhtInit): Dht {
  const { dht, signal } = init
  const table = routingTable(dht)
  const provided = new Map<string, CID>()

  /** Resolves at the first peer that stored the record; goes on to the others in the background. */
  const announce = (key: CID, options: AbortOptions = {}): Promise<void> =>
    new Promise((resolve, reject) => {
      const deadline = createDeadline(QUERY_TIMEOUT_MS, signal)
      const cancelled = new AbortController()
      const onCancel = (): void => {
        cancelled.abort()
        reject(options.signal?.reason)
      }
      const settle = (): void => {
        options.signal?.removeEventListener('abort', onCancel)
        resolve()
      }
      const run = async (): Promise<void> => {
        const query = dht.provide(key, {
          signal: AbortSignal.any([deadline.signal, cancelled.signal]),
        })
        for await (const event of query) {
          if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') settle()
        }
      }
      options.signal?.addEventListener('abort', onCancel, { once: true })
      run()
        .catch((error: unknown) => {
          if (!signal.aborted && !cancelled.signal.aborted) init.onError('announcing', error)
        })
        .finally(() => {
          deadline.clear()
          settle()
        })
    })

  const fillTable = async (): Promise<void> => {
    const deadline = createDeadline(QUERY_TIMEOUT_MS, signal)
    try {
      const query = dht.getClosestPeers(init.self.toMultihash().bytes, { signal: deadline.signal })
      for await (const _ of query) {
        // What the peers answer enters the table by itself.
      }
    } finally {
      deadline.clear()
    }
  }

  // A record announced when one peer was known is at that peer only. So each time the table has doubled, everything is
  // announced again, until there are as many peers as a record goes to.
  let announcedAt = 0
  let growing = false
  const grow = async (): Promise<void> => {
    await pause(GATHER_MS * (1 + init.random()), signal)
    while (!signal.aborted && table.size > announcedAt * 2 && announcedAt < REPLICATION) {
      announcedAt = table.size
      await fillTable()
      await Promise.all([...provided.values()].map((key) => announce(key)))
    }
  }
  const onPeer = (): void => {
    // Everyone was lost, and here is somebody again.
    if (table.size <= 1) announcedAt = 0
    if (growing) return
    growing = true
    grow()
      .catch((error: unknown) => {
        if (!signal.aborted) init.onError('filling the routing table', error)
      })
      .finally(() => {
        growing = false
      })
  }
  table.addEventListener('peer:add', onPeer)
  signal.addEventListener('abort', () => table.removeEventListener('peer:add', onPeer), {
    once: true,
  })

  return {
    table,
    provide: async (key, options = {}) => {
      options.signal?.throwIfAborted()
      provided.set(key.toString(), key)
      await announce(key, options)
    },
    stopProviding: async (key, options = {}) => {
      provided.delete(key.toString())
      await dht.cancelReprovide(key, options)
    },
    findProviders: (key, options = {}) => findProviders(init, key, options),
  }
}

async function* findProviders(
  init: DhtInit,
  key: CID,
  options: AbortOptions,
): AsyncGenerator<PeerId, void, void> {
  options.signal?.throwIfAborted()
  const deadline = createDeadline(QUERY_TIMEOUT_MS, options.signal, init.signal)
  const seen = new Set<string>()
  try {
    for await (const event of init.dht.findProviders(key, { signal: deadline.signal })) {
      if (event.name !== 'PROVIDER') continue
      for (const provider of event.providers) {
        const id = provider.id.toString()
        if (seen.has(id) || provider.id.equals(init.self)) continue
        seen.add(id)
        await remember(init.peerStore, provider)
        yield provider.id
      }
    }
  } catch (error) {
    if (options.signal?.aborted === true) throw options.signal.reason
    // Out of time, or the host stops: what was found was found.
    if (!deadline.signal.aborted) throw InferenceError.from(error, 'internal')
  } finally {
    deadline.clear()
  }
}

async function remember(peerStore: Pick<PeerStore, 'merge'>, peer: PeerInfo): Promise<void> {
  if (peer.multiaddrs.length > 0) await peerStore.merge(peer.id, { multiaddrs: peer.multiaddrs })
}

function routingTable(dht: KadDHT): RoutingTableView {
  if (!('routingTable' in dht)) throw new InferenceError('internal', 'this DHT hides its table')
  return dht.routingTable as RoutingTableView
}
