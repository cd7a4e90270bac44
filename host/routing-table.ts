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
  addEventListener(type: 'peer:add' | 'peer:remove', listener: () => void): void
  removeEventListener(type: 'peer:add' | 'peer:remove', listener: () => void): void
}

export function routingTableOf(dht: KadDHT): RoutingTableView {
  if (!('routingTable' in dht))
    throw new InferenceError('internal', 'this DHT does not expose its routing table')
  return dht.routingTable as RoutingTableView
}

/** With this many peers the table maintains itself. */
const ENOUGH = 8
/** Between two checks while a peer is missing, and after a change before the next one: changes come in bursts. */
const CHECK_EVERY_MS = 500
/** Longest pause without a change while no peer is missing: each check reads every connected peer from the datastore. */
const MAX_REST_MS = 60_000
const ADD_TIMEOUT_MS = 10_000

export interface TableFillInit {
  readonly table: RoutingTableView
  /** Connected peers that serve the DHT. */
  readonly servers: () => Promise<readonly PeerId[]>
  /** Calls the listener when peers connect, are identified or disconnect, until the signal fires. */
  readonly onPeers: (listener: () => void, options: { readonly signal: AbortSignal }) => void
  readonly signal: AbortSignal
  /** @default the machine's */
  readonly clock?: Clock
}

/**
 * Adds connected DHT servers that are missing in the table. The DHT tries each only once, when it connects, and would
 * never add a peer that was too busy to answer that ping in time. Looks less often while no peer is missing.
 */
export async function keepTableFilled(init: TableFillInit): Promise<void> {
  const { table, servers, onPeers, signal, clock = systemClock } = init
  /** Checks, one after the other, that found no peer missing. */
  let complete = 0
  let rest = new AbortController()
  const onChange = (): void => {
    complete = 0
    rest.abort()
  }
  onPeers(onChange, { signal })
  table.addEventListener('peer:remove', onChange)
  signal.addEventListener('abort', () => {
    table.removeEventListener('peer:remove', onChange)
    rest.abort()
  })
  while (!signal.aborted) {
    rest = new AbortController()
    if (complete > 0) {
      const ms = Math.min(MAX_REST_MS, CHECK_EVERY_MS * (2 ** complete - 1))
      await pause(ms, { signal: rest.signal, clock })
    }
    await pause(CHECK_EVERY_MS, { signal, clock })
    if (signal.aborted) return
    complete += 1
    if (table.size >= ENOUGH) continue
    const peers = (await servers().catch(() => [])).slice(0, ENOUGH)
    const found = await Promise.all(peers.map((peer) => hasOrAdds(table, peer, { signal, clock })))
    if (!found.every(Boolean)) complete = 0
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
