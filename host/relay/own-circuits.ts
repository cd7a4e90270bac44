import type { Connection } from '@libp2p/interface'
import { isInUse, lastIdleMs } from '../inbound/index.ts'
import { RELAY_LIMITS } from './limits.ts'
import { isRelayed, relayOf } from './relayed.ts'

/** A look-up opens many at once, and must not close what it has just opened to open others. */
const MIN_HELD_MS = 1_000

export type OwnCircuit = Pick<
  Connection,
  'direction' | 'remoteAddr' | 'status' | 'streams' | 'timeline'
>

/**
 * The relayed connection to close before another is opened through a relay that lets this host open no more: the one that
 * nothing has used for longest. With all of them busy, or just opened, none is closed, and the relay refuses.
 */
export function circuitToClose<T extends OwnCircuit>(
  connections: readonly T[],
  relay: string,
  nowMs: number,
): T | undefined {
  const own = connections.filter(
    ({ direction, remoteAddr, status }) =>
      direction === 'outbound' &&
      status === 'open' &&
      isRelayed(remoteAddr) &&
      relayOf(remoteAddr) === relay,
  )
  if (own.length < RELAY_LIMITS.maxCircuitsPerPeer) return undefined
  const unusedSince = (circuit: T): number => Math.max(circuit.timeline.open, lastIdleMs(circuit))
  const idle = own.filter(
    (circuit) => !isInUse(circuit) && nowMs - unusedSince(circuit) >= MIN_HELD_MS,
  )
  return idle.toSorted((a, b) => unusedSince(a) - unusedSince(b))[0]
}
