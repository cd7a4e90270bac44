import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { Transport } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { openScope, systemClock } from '../../timing/index.ts'
import { answers } from '../connection-check.ts'
import { RELAY_LIMITS } from './limits.ts'
import { circuitToClose } from './own-circuits.ts'
import type { RelaySuspicions } from './relay-suspicions.ts'
import { isRelayed, relayOf } from './relayed.ts'

type RelayTransportFactory = ReturnType<typeof circuitRelayTransport>
type Components = Parameters<RelayTransportFactory>[0]

/** Longer than a host takes for any one address. */
const CIRCUIT_DIAL_MS = 10_000
/** A relay that does not answer a ping for so long is taken for frozen, and another one is dialled. */
const RELAY_ANSWER_MS = 4_000

/**
 * Dials through relays, and is dialled through those where a reservation is held (the gater decides). It never
 * listens by itself: by default it would make a reservation at any peer that opens a stop stream, and announce that
 * stranger's address as its own. A relay through which a dial hangs becomes a suspect. Where the relay lets this host open
 * no further connection, an idle one makes room.
 */
export function relayTransport(suspicions: RelaySuspicions): (components: Components) => Transport {
  const create = circuitRelayTransport({ maxInboundStopStreams: RELAY_LIMITS.maxCircuitsToPeer })
  return (components) => {
    const transportManager = {
      listen: () => Promise.reject(new Error('reservations are made by the host alone')),
    }
    const transport = create(
      Object.create(components, { transportManager: { value: transportManager } }),
    )
    const dial = transport.dial.bind(transport)
    transport.dial = async (address, options) => {
      const relay = relayOf(address) ?? ''
      const { connectionManager } = components
      circuitToClose(connectionManager.getConnections(), relay, systemClock.wall())?.abort(
        new Error('another peer is dialled through this relay'),
      )
      using scope = openScope({ timeoutMs: CIRCUIT_DIAL_MS }, { signal: options.signal })
      void isFrozen(components, relay).then((frozen) => {
        if (frozen) scope.abort(new Error(`relay ${relay} does not answer`))
      })
      try {
        const connection = await dial(address, { ...options, signal: scope.signal })
        suspicions.clear(relay)
        return connection
      } catch (error) {
        if (scope.signal.aborted) suspicions.suspect(relay)
        throw error
      }
    }
    return transport
  }
}

/** Whether there is a connection to the relay, over which it does not answer. */
async function isFrozen({ connectionManager }: Components, relay: string): Promise<boolean> {
  if (relay === '') return false
  const [connection] = connectionManager
    .getConnections(peerIdFromString(relay))
    .filter(({ remoteAddr, status }) => status === 'open' && !isRelayed(remoteAddr))
  if (connection === undefined) return false
  const startedAtMs = systemClock.now()
  const isAlive = await answers(connection, RELAY_ANSWER_MS, systemClock)
  // A ping that fails at once shows a full or closed connection, which the dial meets by itself.
  return !isAlive && systemClock.now() - startedAtMs >= RELAY_ANSWER_MS
}
