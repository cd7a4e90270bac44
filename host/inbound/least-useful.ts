import type { ConnectionBounds } from './bounds.ts'
import { most, ofHeaviest } from './heaviest.ts'
import type { Origin } from './origin.ts'

/** Inputs for choosing the connection to close. */
export interface ConnectionUse {
  readonly origin: Origin
  readonly isInbound: boolean
  /** A stream of a Skein protocol is open on it. */
  readonly isBusy: boolean
  readonly openedAtMs: number
  /** When the last stream of a Skein protocol was opened. */
  readonly usedAtMs: number | undefined
}

/** Time for a newcomer to open its first stream. */
const FRESH_MS = 5_000

/**
 * Connections that may be closed, the least useful first: of the address, the network, or, when there are too many in
 * all, of the heaviest of both. Empty where every bound holds. Outbound and busy ones are never among them.
 */
export function leastUseful<T extends ConnectionUse>(
  connections: readonly T[],
  bounds: Pick<ConnectionBounds, 'open' | 'openPerNetwork' | 'openPerAddress'>,
  nowMs: number,
): readonly T[] {
  const inbound = connections.filter(({ isInbound }) => isInbound)
  return crowd(connections.length, inbound, bounds)
    .filter(({ isBusy }) => !isBusy)
    .toSorted((one, other) => worth(one, nowMs) - worth(other, nowMs))
}

function crowd<T extends ConnectionUse>(
  total: number,
  inbound: readonly T[],
  { open, openPerNetwork, openPerAddress }: Parameters<typeof leastUseful>[1],
): readonly T[] {
  const address = most(inbound, ({ origin }) => origin.address)
  if (address.length > openPerAddress) return address
  const network = most(inbound, ({ origin }) => origin.network)
  if (network.length > openPerNetwork) return network
  return total > open ? ofHeaviest(inbound) : []
}

/** Order of closing: never used, used earlier, just connected; within each, idle for longest first. */
function worth({ openedAtMs, usedAtMs }: ConnectionUse, nowMs: number): number {
  const isFresh = nowMs - openedAtMs < FRESH_MS
  const rank = usedAtMs !== undefined ? 1 : isFresh ? 2 : 0
  return rank * 1e15 + (usedAtMs ?? openedAtMs)
}
