import type { AbortOptions, PeerId, PeerStore } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { CID } from 'multiformats/cid'
import { backoffMs, EQUAL_JITTER, openScope, pause } from '../timing/index.ts'
import { createAnnouncer } from './announcer.ts'
import { searchProviders } from './provider-search.ts'
import {
  keepTableFilled,
  type RoutingTableView,
  routingTableOf,
  type TableFillInit,
} from './routing-table.ts'

export interface DhtInit {
  readonly dht: KadDHT
  readonly self: PeerId
  readonly peerStore: Pick<PeerStore, 'merge'>
  /** Connected peers that serve the DHT. */
  readonly servers: () => Promise<readonly PeerId[]>
  readonly onPeers: TableFillInit['onPeers']
  /** Fires when the host stops. */
  readonly signal: AbortSignal
  /** From 0 to 1. */
  readonly random: () => number
  readonly onError: (what: string, error: unknown) => void
}

/** Providing and finding providers, over a routing table that fills by itself. */
export interface Dht {
  readonly table: RoutingTableView
  provide(key: CID, options?: AbortOptions): Promise<void>
  /** Announces all provided keys again as soon as peers are known, after a change of this machine's network. */
  provideAgain(): void
  stopProviding(key: CID, options?: AbortOptions): Promise<void>
  findProviders(key: CID, options?: AbortOptions): AsyncIterable<PeerId>
}

const FILL_TIMEOUT_MS = 30_000
/** Peers that connect together are queried together. */
const GATHER_MS = 50
/** Kademlia's k: with this many peers known, or holding a record, more of them change nothing. */
const REPLICATION = 20
/** Longest wait for a filled table: providing from it reaches the right peers at the first attempt. */
const FILL_PATIENCE_MS = 1_000
/** Pause before retrying a query that busy peers did not answer. */
const BACKOFF = { minMs: 1_000, maxMs: 30_000, jitter: EQUAL_JITTER }

export function createDht(init: DhtInit): Dht {
  const { dht, signal } = init
  const table = routingTableOf(dht)
  const announcer = createAnnouncer({ ...init, onAnnounced: () => settleSoon() })

  /** Looks for this peer itself: the DHT takes those nearby that answer into its table. */
  const fill = async (): Promise<boolean> => {
    using scope = openScope({ timeoutMs: FILL_TIMEOUT_MS }, { owner: signal })
    let answers = 0
    try {
      const target = init.self.toMultihash().bytes
      for await (const event of dht.getClosestPeers(target, { signal: scope.signal })) {
        if (event.name === 'PEER_RESPONSE') answers += 1
      }
    } catch (error) {
      if (!signal.aborted) init.onError('filling the routing table', error)
    }
    return answers > 0
  }

  // Known peers when the table was last filled. It is filled again each time they have doubled, up to a bound.
  let filledAt = 0
  let filling: Promise<boolean> | undefined
  const needsFill = (): boolean => filledAt < REPLICATION && table.size > filledAt * 2
  // A record announced when one peer was known is at that peer only, so it is announced again while others are known.
  const recordGoal = (): number => Math.min(REPLICATION, table.size) / 2

  const settle = async (): Promise<void> => {
    await pause(GATHER_MS * (1 + init.random()), { signal })
    for (let failures = 0; !signal.aborted && table.size > 0; ) {
      if (needsFill()) {
        filling = fill()
        const filled = await filling
        filling = undefined
        if (filled) {
          filledAt = table.size
          failures = 0
          continue
        }
      } else if (announcer.isShortOf(recordGoal())) {
        await announcer.announceAgain(recordGoal())
        if (!announcer.isShortOf(recordGoal())) continue
      } else return
      await pause(backoffMs(failures, BACKOFF, init.random()), { signal })
      failures += 1
    }
  }
  let settling = false
  const settleSoon = (): void => {
    // All peers were lost, and one has connected again.
    if (table.size <= 1) filledAt = 0
    if (settling || signal.aborted) return
    settling = true
    void settle().finally(() => {
      settling = false
    })
  }
  table.addEventListener('peer:add', settleSoon)
  signal.addEventListener('abort', () => table.removeEventListener('peer:add', settleSoon), {
    once: true,
  })
  const { servers, onPeers } = init
  void keepTableFilled({ table, servers, onPeers, signal })

  return {
    table,
    provide: async (key, options = {}) => {
      if (filling !== undefined) await Promise.race([filling, pause(FILL_PATIENCE_MS, { signal })])
      await announcer.announce(key, options)
    },
    provideAgain: () => {
      announcer.forgetStored()
      settleSoon()
    },
    stopProviding: announcer.withdraw,
    findProviders: (key, options = {}) =>
      searchProviders({ ...init, table, filling: () => filling }, key, options),
  }
}
