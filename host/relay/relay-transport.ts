import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { Transport } from '@libp2p/interface'
import { RELAY_LIMITS } from './limits.ts'

type RelayTransportFactory = ReturnType<typeof circuitRelayTransport>
type Components = Parameters<RelayTransportFactory>[0]

/**
 * Dials through relays, and is dialled through those where a reservation is held (the gater decides). It never
 * listens by itself: by default it would make a reservation at any peer that opens a stop stream, and announce that
 * stranger's address as its own.
 */
export function relayTransport(): (components: Components) => Transport {
  const create = circuitRelayTransport({ maxInboundStopStreams: RELAY_LIMITS.maxCircuitsToPeer })
  return (components) => {
    const transportManager = {
      listen: () => Promise.reject(new Error('reservations are made by the host alone')),
    }
    return create(Object.create(components, { transportManager: { value: transportManager } }))
  }
}
