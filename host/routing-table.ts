import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { InferenceError } from '../protocol/index.ts'
import { openScope, pause } from '../timing/index.ts'

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
const ADD_TIMEOUT_MS = 10_000

/**
 * Adds connected DHT servers that are missing in the table. The DHT tries each only once, when it connects, and would
 * never add a peer that was too busy to answer that ping in time.
 *
 * @param servers connected peers that serve the DHT
 */
export async function keepTableFilled(
  table: RoutingTableView,
  servers: () => Promise<readonly PeerId[]>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(CHECK_EVERY_MS, { signal })
    if (signal.aborted || table.size >= ENOUGH) continue
    const connected = await servers().catch(() => [])
    using scope = openScope({ timeoutMs: ADD_TIMEOUT_MS }, { owner: signal })
    const add = async (peer: PeerId): Promise<void> => {
      try {
        if ((await table.find(peer, { signal: scope.signal })) !== undefined) return
        await table.add(peer, { signal: scope.signal })
      } catch {
        // Still busy, or gone: tried again in the next round.
      }
    }
    await Promise.all(connected.slice(0, ENOUGH).map(add))
  }
}
