import { create, toBinary } from '@bufbuild/protobuf'
import { decodeMessage } from './codec/index.ts'
import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'
import {
  DirectPathAnswerSchema,
  type DirectPathSide as DirectPathSideMessage,
  DirectPathSideSchema,
} from './skein_pb.ts'

/** A UDP socket that a peer says is its own. */
export interface DirectPathCandidate {
  readonly ip: string
  readonly port: number
}

/** What one side of a direct path tells the other. */
export interface DirectPathSide {
  readonly iceUser: string
  readonly icePassword: string
  /** SHA-256 of its DTLS certificate. */
  readonly fingerprint: Uint8Array
  readonly candidates: readonly DirectPathCandidate[]
  /** Signed sightings of this side by bootstrap peers. */
  readonly sightings: readonly Uint8Array[]
}

/** Characters that ICE allows (RFC 8839). Nothing else may get into the session description that is made of them. */
const ICE_TEXT = /^[A-Za-z0-9+/]+$/
const MAX_ICE_TEXT = 256
const MIN_ICE_USER = 4
const MIN_ICE_PASSWORD = 22
const FINGERPRINT_BYTES = 32

export function encodeDirectPathOffer(side: DirectPathSide): Uint8Array {
  return toBinary(DirectPathSideSchema, messageOf(side))
}

/** @throws InferenceError `malformed` */
export function decodeDirectPathOffer(bytes: Uint8Array): DirectPathSide {
  return sideOf(decodeMessage(DirectPathSideSchema, bytes))
}

/** @param side `undefined` to decline */
export function encodeDirectPathAnswer(side: DirectPathSide | undefined): Uint8Array {
  const message = create(DirectPathAnswerSchema, side && { side: messageOf(side) })
  return toBinary(DirectPathAnswerSchema, message)
}

/** @returns `undefined` if the peer declines @throws InferenceError `malformed` */
export function decodeDirectPathAnswer(bytes: Uint8Array): DirectPathSide | undefined {
  const { side } = decodeMessage(DirectPathAnswerSchema, bytes)
  return side && sideOf(side)
}

function messageOf({ candidates, sightings, ...rest }: DirectPathSide): DirectPathSideMessage {
  return create(DirectPathSideSchema, {
    ...rest,
    candidates: candidates.map(({ ip, port }) => ({ ip, port })),
    sightings: [...sightings],
  })
}

function sideOf(message: DirectPathSideMessage): DirectPathSide {
  const { iceUser, icePassword, fingerprint, candidates, sightings } = message
  if (!isIceText(iceUser, MIN_ICE_USER)) throw malformed('not a user name of ICE')
  if (!isIceText(icePassword, MIN_ICE_PASSWORD)) throw malformed('not a password of ICE')
  if (fingerprint.length !== FINGERPRINT_BYTES) throw malformed('a fingerprint of the wrong length')
  if (candidates.length > LIMITS.maxDirectPathCandidates) throw malformed('too many candidates')
  if (sightings.length > LIMITS.maxDirectPathSightings) throw malformed('too many sightings')
  return { iceUser, icePassword, fingerprint, candidates, sightings }
}

function isIceText(text: string, minLength: number): boolean {
  return text.length >= minLength && text.length <= MAX_ICE_TEXT && ICE_TEXT.test(text)
}

function malformed(what: string): InferenceError {
  return new InferenceError('malformed', `malformed direct path: ${what}`)
}
