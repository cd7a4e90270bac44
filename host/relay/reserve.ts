import type { AbortOptions, Connection } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import {
  CIRCUIT_PROTOCOLS,
  decodeHopAnswer,
  encodeHopRequest,
  InferenceError,
} from '../../protocol/index.ts'
import { isPublicAddress } from '../address-scope.ts'
import { isDirectPath } from '../direct-path-address.ts'
import { withoutPeer } from '../without-peer.ts'
import { circuitMessages } from './circuit-message.ts'

/** A relay's promise to pass connections on to this peer. */
export interface Reservation {
  readonly expiresAtMs: number
  /** Where the relay listens, without a peer id. The address at which we reached it comes first. */
  readonly addresses: readonly Multiaddr[]
}

/** A relay may have one of each family, and a name. */
const MAX_ADDRESSES = 3

/** Times for which relays reserve: an hour is usual. */
const SHORTEST_MS = 60_000
const LONGEST_MS = 3 * 60 * 60_000
/** Assumed if the relay's clock differs from this one. */
const USUAL_MS = 30 * 60_000

/**
 * Asks the relay at the other end of the connection for a reservation.
 *
 * @throws InferenceError `over_capacity` where it refuses, `malformed` for an invalid answer
 */
export async function requestReservation(
  connection: Connection,
  nowMs: number,
  options: AbortOptions,
): Promise<Reservation> {
  const stream = await connection.newStream(CIRCUIT_PROTOCOLS.hop, options)
  try {
    const messages = circuitMessages(stream)
    await messages.write(encodeHopRequest({ type: 'reserve' }), options)
    const { status, reservation } = decodeHopAnswer(await messages.read(options))
    await stream.close(options)
    if (status !== 'ok' || reservation === undefined) {
      throw new InferenceError('over_capacity', `the relay refused the reservation: ${status}`)
    }
    return {
      expiresAtMs: inForceUntil(reservation.expiresAtMs, nowMs),
      addresses: addressesOf(connection, reservation.addresses),
    }
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

/** The relay gives the end by its own clock: an end that no relay would choose shows that the two clocks differ. */
function inForceUntil(expiresAtMs: number, nowMs: number): number {
  const leftMs = expiresAtMs - nowMs
  return leftMs >= SHORTEST_MS && leftMs <= LONGEST_MS ? expiresAtMs : nowMs + USUAL_MS
}

/** Other peers dial these addresses on our recommendation, so that only public ones are accepted from a relay. */
function addressesOf(connection: Connection, said: readonly Uint8Array[]): Multiaddr[] {
  const reached = isDialled(connection) ? [bare(connection.remoteAddr)] : []
  const others = said.flatMap((bytes) => {
    try {
      const address = bare(multiaddr(bytes))
      return isPublicAddress(address) ? [address] : []
    } catch {
      return []
    }
  })
  const all = new Map([...reached, ...others].map((address) => [address.toString(), address]))
  return [...all.values()].slice(0, MAX_ADDRESSES)
}

/** Whether others can dial the address of this connection, too. That of a direct path between two NATs they cannot. */
function isDialled({ direction, remoteAddr }: Connection): boolean {
  return direction === 'outbound' && !isDirectPath(remoteAddr)
}

function bare(address: Multiaddr): Multiaddr {
  return multiaddr(withoutPeer(address))
}
