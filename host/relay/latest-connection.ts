import type { Connection } from '@libp2p/interface'
import { isRelayed } from './relayed.ts'

/**
 * The direct connection that a peer opened last: after a change of its network it has a new one, while the older one has
 * not been found dead yet. Those that this host opened, to dial back, end in a moment.
 */
export function latestConnection<
  T extends Pick<Connection, 'direction' | 'remoteAddr' | 'status' | 'timeline'>,
>(connections: readonly T[]): T | undefined {
  const own = (one: T): number => Number(one.direction === 'outbound')
  return connections
    .filter(({ remoteAddr, status }) => status === 'open' && !isRelayed(remoteAddr))
    .toSorted((a, b) => own(a) - own(b) || b.timeline.open - a.timeline.open)[0]
}
