import { statfsSync } from 'node:fs'
import type { Registry } from 'prom-client'
import type { Host } from '../../host/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { readWhenScraped } from './gauges.ts'

const REACHABILITY = ['public', 'forwarded', 'relayed', 'lan', 'unknown'] as const
const CLOCKS = ['right', 'off', 'unclear', 'unknown'] as const
/** Models with a label of their own: peers choose their names. */
const MAX_MODELS = 64

export interface HostMetricsOptions {
  /** Whose disk is watched. */
  readonly dataDir: string
  /** Ids of the models that this process serves itself. @default none */
  readonly ownModels?: () => readonly string[]
}

/**
 * Metrics of every host: connections, known peers, who serves which model, reachability, relaying, clock, disk. No label
 * names a peer.
 */
export function addHostMetrics(
  registry: Registry,
  host: Host,
  { dataDir, ownModels = () => [] }: HostMetricsOptions,
): void {
  const { gauge, labelled, counter, state } = readWhenScraped(registry)
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
  state('skein_clock', 'This machine’s clock beside those of the peers met', CLOCKS, () => {
    return host.clock().own
  })
  gauge('skein_clock_ahead_seconds', 'How far this clock is ahead of the median peer', () => {
    return host.clock().aheadMs / 1_000
  })
  gauge('skein_disk_free_bytes', 'Room for the data directory', () => freeBytes(dataDir))
  labelled(
    'skein_model_peers',
    'Peers known to serve a model, this one included, hearsay not',
    'gen_ai_request_model',
    () => modelPeers(host, ownModels()).map(([model, peers]) => [plainLine(model), peers]),
  )
}

function freeBytes(dataDir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dataDir)
    return bavail * bsize
  } catch {
    return 0
  }
}

/** The models of most peers, with their number. */
function modelPeers(
  { book }: Pick<Host, 'book'>,
  own: readonly string[],
): readonly (readonly [model: string, peers: number])[] {
  const counts = new Map(own.map((model) => [model, 1]))
  for (const { peerId, models } of book.all()) {
    if (book.acquaintance(peerId) === 'heard') continue
    for (const { id } of models) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return [...counts].toSorted(([, one], [, other]) => other - one).slice(0, MAX_MODELS)
}
