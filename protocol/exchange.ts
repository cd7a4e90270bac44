import { create, toBinary } from '@bufbuild/protobuf'
import { decodeMessage } from './codec.ts'
import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { AdvertisementRequestSchema, AdvertisementResponseSchema } from './skein_pb.ts'

/** Answer on the advertisement protocol: signed envelopes, still to be opened. */
export interface AdvertisementResponse {
  /** The answering peer's own; empty where it offers nothing. */
  readonly own: Uint8Array
  /** Some that it knows of others. */
  readonly known: readonly Uint8Array[]
}

/** Asks for the own advertisement of a peer, and for at most so many that it knows of others. */
export function encodeAdvertisementRequest(maxKnown: number): Uint8Array {
  return toBinary(AdvertisementRequestSchema, create(AdvertisementRequestSchema, { maxKnown }))
}

/** How many advertisements of others the asker wants, capped. */
export function decodeAdvertisementRequest(bytes: Uint8Array): number {
  const { maxKnown } = decodeMessage(AdvertisementRequestSchema, bytes)
  return Math.min(maxKnown, LIMITS.maxKnownAdvertisements)
}

/** The one frame that answers an advertisement request. */
export function encodeAdvertisementResponse(response: AdvertisementResponse): Uint8Array {
  const known = [...response.known]
  return toBinary(
    AdvertisementResponseSchema,
    create(AdvertisementResponseSchema, { own: response.own, known }),
  )
}

/** @throws InferenceError `malformed` */
export function decodeAdvertisementResponse(bytes: Uint8Array): AdvertisementResponse {
  const { own, known } = decodeMessage(AdvertisementResponseSchema, bytes)
  if (known.length > LIMITS.maxKnownAdvertisements) {
    throw new InferenceError('malformed', 'more advertisements than asked for')
  }
  return { own, known }
}
