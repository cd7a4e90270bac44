import type { Registry } from 'prom-client'
import type { Host } from '../../host/index.ts'
import { readWhenScraped } from './gauges.ts'

const REACHABILITY = ['public', 'forwarded', 'relayed', 'lan', 'unknown'] as const

/** Metrics of every host: connections, known peers, reachability, relaying. No label names a peer. */
export function addHostMetrics(registry: Registry, host: Host): void {
  const { gauge, counter, state } = readWhenScraped(registry)
  const use = () => host.relaying().use
  gauge('skein_connections', 'Open connections to peers', () => {
    return host.libp2p.getConnections().length
  })
  gauge('skein_known_peers', 'Peers whose advertisement is known', () => host.book.all().length)
  gauge('skein_relays_held', 'Relays through which this peer is reached', () => {
    return host.relaying().held.length
  })
  state('skein_reachability', 'How outside peers reach this one', REACHABILITY, () => {
    return host.reachability().status
  })
  gauge('skein_relay_reservations', 'Peers for which this peer relays', () => {
    return use()?.reservations ?? 0
  })
  gauge('skein_relay_circuits', 'Relayed connections open', () => use()?.circuits ?? 0)
  counter('skein_relay_bytes_total', 'Bytes relayed for others', () => use()?.bytes ?? 0)
  counter('skein_relay_refused_total', 'Reservations and relayed connections refused', () => {
    return use()?.refused ?? 0
  })
}
