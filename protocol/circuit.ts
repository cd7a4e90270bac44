import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type HopMessage,
  HopMessage_Type,
  HopMessageSchema,
  Status,
  StopMessage_Type,
  StopMessageSchema,
} from './circuit_pb.ts'
import { InferenceError } from './errors.ts'

/** Protocol ids of circuit relay v2, libp2p's own: compatible with relays of other implementations. */
export const CIRCUIT_PROTOCOLS = {
  /** Between a peer and a relay. */
  hop: '/libp2p/circuit/relay/0.2.0/hop',
  /** Between a relay and a peer with a reservation there. */
  stop: '/libp2p/circuit/relay/0.2.0/stop',
} as const

/** Bytes of one message. The largest holds a reservation: a dozen addresses and a signed voucher. */
export const MAX_CIRCUIT_MESSAGE_BYTES = 8_192

/** Status of an answer by a relay, or by the peer behind it. */
export type CircuitStatus =
  | 'ok'
  | 'reservation_refused'
  | 'resource_limit_exceeded'
  | 'permission_denied'
  | 'connection_failed'
  | 'no_reservation'
  | 'malformed_message'
  | 'unexpected_message'

const STATUSES: Readonly<Record<CircuitStatus, Status>> = {
  ok: Status.OK,
  reservation_refused: Status.RESERVATION_REFUSED,
  resource_limit_exceeded: Status.RESOURCE_LIMIT_EXCEEDED,
  permission_denied: Status.PERMISSION_DENIED,
  connection_failed: Status.CONNECTION_FAILED,
  no_reservation: Status.NO_RESERVATION,
  malformed_message: Status.MALFORMED_MESSAGE,
  unexpected_message: Status.UNEXPECTED_MESSAGE,
}

/** A request to a relay. `peer` is a multihash. */
export type HopRequest =
  | { readonly type: 'reserve' }
  | { readonly type: 'connect'; readonly peer: Uint8Array }

/** A relay's answer to a hop request. */
export interface HopAnswer {
  readonly status: CircuitStatus
  readonly reservation?: {
    readonly expiresAtMs: number
    /** Multiaddrs of the relay, in bytes. */
    readonly addresses: readonly Uint8Array[]
  }
}

/** Encodes a request to a relay. */
export function encodeHopRequest(request: HopRequest): Uint8Array {
  return toBinary(
    HopMessageSchema,
    create(
      HopMessageSchema,
      request.type === 'reserve'
        ? { type: HopMessage_Type.RESERVE }
        : { type: HopMessage_Type.CONNECT, peer: { id: request.peer } },
    ),
  )
}

/** @throws InferenceError `malformed` */
export function decodeHopRequest(bytes: Uint8Array): HopRequest {
  const message = decodeHop(bytes)
  if (message.type === HopMessage_Type.RESERVE) return { type: 'reserve' }
  if (message.type === HopMessage_Type.CONNECT && message.peer !== undefined) {
    return { type: 'connect', peer: message.peer.id }
  }
  throw new InferenceError('malformed', 'malformed hop message: neither RESERVE nor CONNECT')
}

/** Encodes a relay's answer. */
export function encodeHopAnswer({ status, reservation }: HopAnswer): Uint8Array {
  return toBinary(
    HopMessageSchema,
    create(HopMessageSchema, {
      type: HopMessage_Type.STATUS,
      status: STATUSES[status],
      ...(reservation !== undefined && {
        reservation: {
          expire: BigInt(Math.floor(reservation.expiresAtMs / 1_000)),
          addrs: [...reservation.addresses],
        },
      }),
    }),
  )
}

/** @throws InferenceError `malformed` */
export function decodeHopAnswer(bytes: Uint8Array): HopAnswer {
  const { type, status, reservation } = decodeHop(bytes)
  if (type !== HopMessage_Type.STATUS) {
    throw new InferenceError('malformed', 'malformed hop message: not a STATUS')
  }
  return {
    status: statusName(status),
    ...(reservation !== undefined && {
      reservation: {
        expiresAtMs: Number(reservation.expire) * 1_000,
        addresses: reservation.addrs,
      },
    }),
  }
}

/** A relay's request to the peer with the reservation: `peer`, a multihash, wants to connect. */
export function encodeStopRequest(peer: Uint8Array): Uint8Array {
  return toBinary(
    StopMessageSchema,
    create(StopMessageSchema, { type: StopMessage_Type.CONNECT, peer: { id: peer } }),
  )
}

/** @throws InferenceError `malformed` */
export function decodeStopAnswer(bytes: Uint8Array): CircuitStatus {
  try {
    const { type, status } = fromBinary(StopMessageSchema, bytes)
    if (type === StopMessage_Type.STATUS) return statusName(status)
  } catch (cause) {
    throw new InferenceError('malformed', 'malformed stop message', { cause })
  }
  throw new InferenceError('malformed', 'malformed stop message: not a STATUS')
}

function decodeHop(bytes: Uint8Array): HopMessage {
  try {
    return fromBinary(HopMessageSchema, bytes)
  } catch (cause) {
    throw new InferenceError('malformed', 'malformed hop message', { cause })
  }
}

/** A status that the specification does not name counts as a refusal. */
function statusName(status: Status | undefined): CircuitStatus {
  const names = Object.keys(STATUSES) as CircuitStatus[]
  return names.find((name) => STATUSES[name] === status) ?? 'permission_denied'
}
