import { create, toBinary } from '@bufbuild/protobuf'
import { decodeMessage } from './codec/index.ts'
import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { AdvertisementRequestSchema, AdvertisementResponseSchema } from './skein_pb.ts'

/** Answer on the advertisement protocol: signed envelopes, still to be opened. */
export interface AdvertisementResponse {
  /** The answering peer's own; empty if it offers nothing. */
  readonly own: Uint8Array
  /** Some of other peers. */
  readonly known: readonly Uint8Array[]
  /** Milliseconds since 1970 by the answering peer's clock. Absent from peers before 0.2. */
  readonly nowMs?: number
}

/** Requests a peer's own advertisement and at most so many of other peers. */
export function encodeAdvertisementRequest(maxKnown: number): Uint8Array {
  return toBinary(AdvertisementRequestSchema, create(AdvertisementRequestSchema, { maxKnown }))
}

/** Number of advertisements of other peers requested, capped. */
export function decodeAdvertisementRequest(bytes: Uint8Array): number {
  const { maxKnown } = decodeMessage(AdvertisementRequestSchema, bytes)
  return Math.min(maxKnown, LIMITS.maxKnownAdvertisements)
}

/** The one frame that answers an advertisement request. */
export function encodeAdvertisementResponse(response: AdvertisementResponse): Uint8Array {
  const known = [...response.known]
  return toBinary(
    AdvertisementResponseSchema,
    create(AdvertisementResponseSchema, {
      ...{ own: response.own, known },
      nowMs: BigInt(Math.max(0, Math.floor(response.nowMs ?? 0))),
    }),
  )
}

/** @throws InferenceError `malformed` */
export function decodeAdvertisementResponse(bytes: Uint8Array): AdvertisementResponse {
  const { own, known, nowMs } = decodeMessage(AdvertisementResponseSchema, bytes)
  if (known.length > LIMITS.maxKnownAdvertisements) {
    throw new InferenceError('malformed', 'more advertisements than requested')
  }
  return { own, known, ...(nowMs > 0n && { nowMs: Number(nowMs) }) }
}
