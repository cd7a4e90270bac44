import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { InferenceError } from '../protocol/index.ts'
import { type Clock, openScope, pause, systemClock } from '../timing/index.ts'

/** The part of kad-dht's routing table that its interface leaves out. */
export interface RoutingTableView {
  readonly size: number
  /** Adds a peer once it has answered a ping. */
  add(peer: PeerId, options?: AbortOptions): Promise<void>
  find(peer: PeerId, options?: AbortOptions): Promise<PeerId | undefined>
  addEventListener(type: 'peer:add', listener: () => void): void
  removeEventListener(type: 'peer:add', listener: () => void): void
}

export function routingTableOf(dht: KadDHT): RoutingTableView {
  if (!('routingTable' in dht))
    throw new InferenceError('internal', 'this DHT does not expose its routing table')
  return dht.routingTable as RoutingTableView
}

/** With this many peers the table maintains itself. */
const ENOUGH = 8
const CHECK_EVERY_MS = 500
/** Checks left out at most while none finds a missing peer: each reads every connected peer from the datastore. */
const MAX_SKIPPED = 31
const ADD_TIMEOUT_MS = 10_000

export interface TableFillInit {
  readonly table: RoutingTableView
  /** Connected peers that serve the DHT. */
  readonly servers: () => Promise<readonly PeerId[]>
  /** Number of connected peers. */
  readonly connected: () => number
  readonly signal: AbortSignal
  /** @default the machine's */
  readonly clock?: Clock
}

/**
 * Adds connected DHT servers that are missing in the table. The DHT tries each only once, when it connects, and would
 * never add a peer that was too busy to answer that ping in time. Looks less often while no peer is missing.
 */
export async function keepTableFilled(init: TableFillInit): Promise<void> {
  const { table, servers, connected, signal, clock = systemClock } = init
  let before = ''
  let complete = 0
  let skip = 0
  while (!signal.aborted) {
    await pause(CHECK_EVERY_MS, { signal, clock })
    if (signal.aborted || table.size >= ENOUGH) continue
    const now = `${table.size} ${connected()}`
    if (now !== before) {
      complete = 0
      skip = 0
    }
    before = now
    if (skip > 0) {
      skip -= 1
      continue
    }
    const peers = (await servers().catch(() => [])).slice(0, ENOUGH)
    const found = await Promise.all(peers.map((peer) => hasOrAdds(table, peer, { signal, clock })))
    complete = found.every(Boolean) ? complete + 1 : 0
    skip = Math.min(MAX_SKIPPED, 2 ** complete - 1)
  }
}

/** @returns whether the table had the peer */
async function hasOrAdds(
  table: RoutingTableView,
  peer: PeerId,
  { signal, clock }: Required<Pick<TableFillInit, 'clock' | 'signal'>>,
): Promise<boolean> {
  using scope = openScope({ timeoutMs: ADD_TIMEOUT_MS, clock }, { owner: signal })
  try {
    if ((await table.find(peer, { signal: scope.signal })) !== undefined) return true
    await table.add(peer, { signal: scope.signal })
  } catch {
    // Still busy, or gone: tried again in the next round.
  }
  return false
}
