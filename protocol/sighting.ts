import { create, toBinary } from '@bufbuild/protobuf'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { equals } from 'uint8arrays/equals'
import { fromString } from 'uint8arrays/from-string'
import { decodeMessage } from './codec/index.ts'
import { InferenceError } from './errors.ts'
import { SIGHTING_DOMAIN } from './ids.ts'
import { LIMITS } from './limits.ts'
import { SightingResponseSchema, SightingSchema } from './skein_pb.ts'

/** A bootstrap peer's signed statement of where it sees a peer. */
export interface Sighting {
  /** Peer id of the peer that was seen, as a multihash. */
  readonly peer: Uint8Array
  /** A public IP address. */
  readonly ip: string
  /** By the clock of the signer, in milliseconds since 1970. */
  readonly atMs: number
}

export interface SightingResponse {
  /** UDP port for STUN; absent if the peer answers none. */
  readonly stunPort?: number
  /** Absent if the peer does not see the asker at a public address. */
  readonly sighting?: Uint8Array
}

const CODEC = fromString(`/skein/${SIGHTING_DOMAIN}`)

export async function sealSighting(sighting: Sighting, key: PrivateKey): Promise<Uint8Array> {
  const { peer, ip, atMs } = sighting
  const payload = toBinary(
    SightingSchema,
    create(SightingSchema, { peer, ip, atMs: BigInt(Math.round(atMs)) }),
  )
  const record = {
    domain: SIGHTING_DOMAIN,
    codec: CODEC,
    marshal: () => payload,
    equals: (other: { marshal(): Uint8Array }) => equals(payload, other.marshal()),
  }
  return (await RecordEnvelope.seal(record, key)).marshal()
}

/** @throws InferenceError `malformed` for a wrong signature, purpose or size */
export async function openSighting(
  envelope: Uint8Array,
): Promise<{ readonly signer: PeerId; readonly sighting: Sighting }> {
  if (envelope.length > LIMITS.maxSightingBytes) throw malformed('too large')
  const opened = await RecordEnvelope.openAndCertify(envelope, SIGHTING_DOMAIN).catch(
    (cause: unknown) => {
      throw malformed('invalid signature', cause)
    },
  )
  if (!equals(opened.payloadType, CODEC)) throw malformed('another kind of record')
  const { peer, ip, atMs } = decodeMessage(SightingSchema, opened.payload)
  return {
    signer: peerIdFromPublicKey(opened.publicKey),
    sighting: { peer, ip, atMs: Number(atMs) },
  }
}

export function encodeSightingResponse({ stunPort = 0, sighting }: SightingResponse): Uint8Array {
  const message = create(SightingResponseSchema, {
    stunPort,
    ...(sighting !== undefined && { sighting }),
  })
  return toBinary(SightingResponseSchema, message)
}

/** @throws InferenceError `malformed` */
export function decodeSightingResponse(bytes: Uint8Array): SightingResponse {
  const { stunPort, sighting } = decodeMessage(SightingResponseSchema, bytes)
  if (stunPort > 65_535) throw malformed('not a port')
  return {
    ...(stunPort !== 0 && { stunPort }),
    ...(sighting.length > 0 && { sighting }),
  }
}

function malformed(what: string, cause?: unknown): InferenceError {
  return new InferenceError('malformed', `malformed sighting: ${what}`, { cause })
}
