import { create, toBinary } from '@bufbuild/protobuf'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { concat } from 'uint8arrays/concat'
import { fromString } from 'uint8arrays/from-string'
import { decodeMessage, nameOf } from './codec/index.ts'
import { LIMITS } from './limits.ts'
import {
  AdmissionSchema,
  type MembershipAnswer as AnswerMessage,
  type Hello as HelloMessage,
  HelloSchema,
  JoinRequestSchema,
  MembershipAnswerSchema,
  MembershipQuestionSchema,
  type MembershipQuestion as QuestionMessage,
  Refusal,
  RefusedSchema,
  RenewSchema,
  type Update,
  UpdateSchema,
} from './membership_pb.ts'
import { keyIdIn, MEMBERSHIP_DOMAINS, malformed, swarmIdIn } from './membership-envelope.ts'

/** The number of an issuer's list that a peer has. */
export interface ListHead {
  readonly issuer: PeerId
  readonly number: number
}

/** Who a peer is, and which lists it has. Nothing in it is verified yet. */
export interface MemberHello {
  readonly swarmId: Uint8Array
  /** By its wall clock. */
  readonly nowMs: number
  /** Envelopes. */
  readonly certificate: Uint8Array
  /** Empty if the owner issued the certificate. */
  readonly issuerCertificate: Uint8Array
  readonly badge: Uint8Array
  readonly heads: readonly ListHead[]
  /** Number of the newest pre-shared key that it has; 0 for that of its invite. */
  readonly keyNumber: number
}

/** A certificate with all that is needed to use it. */
export interface Admission {
  readonly certificate: Uint8Array
  readonly issuerCertificate: Uint8Array
  readonly lists: readonly Uint8Array[]
}

/** A new machine asks for its certificate. */
export interface JoinRequest {
  readonly swarmId: Uint8Array
  /** Key of the invite. */
  readonly invite: PeerId
  /** Key of the new member. */
  readonly member: PeerId
  /** By the secret in the invite. */
  readonly signature: Uint8Array
  readonly passedOn: boolean
}

/** A question on the membership protocol. */
export type MembershipQuestion =
  | { readonly type: 'hello'; readonly hello: MemberHello }
  | { readonly type: 'join'; readonly join: JoinRequest }
  | {
      readonly type: 'update'
      readonly lists: readonly Uint8Array[]
      /** The newest pre-shared key, for a member that lacks it. */
      readonly secret?: Uint8Array
    }
  | { readonly type: 'renew' }

/** Why a peer is not accepted as a member, or gets no certificate. */
export type MembershipRefusal =
  | 'not_a_member'
  | 'revoked'
  | 'expired'
  | 'not_yet_valid'
  | 'invite_unknown'
  | 'invite_expired'
  | 'invite_used'
  | 'no_issuer'
  | 'busy'

const REFUSALS = {
  not_a_member: Refusal.NOT_A_MEMBER,
  revoked: Refusal.REVOKED,
  expired: Refusal.EXPIRED,
  not_yet_valid: Refusal.NOT_YET_VALID,
  invite_unknown: Refusal.INVITE_UNKNOWN,
  invite_expired: Refusal.INVITE_EXPIRED,
  invite_used: Refusal.INVITE_USED,
  no_issuer: Refusal.NO_ISSUER,
  busy: Refusal.BUSY,
} as const satisfies Record<MembershipRefusal, Refusal>

/** An answer on the membership protocol. */
export type MembershipAnswer =
  | { readonly type: 'hello'; readonly hello: MemberHello }
  | { readonly type: 'admission'; readonly admission: Admission }
  | { readonly type: 'updated' }
  | { readonly type: 'refused'; readonly reason: MembershipRefusal; readonly nowMs: number }

const SECRET_BYTES = 32

/** Bound of one question or answer: a frame. */
export const MAX_MEMBERSHIP_BYTES: number = LIMITS.maxFrameBytes

export function encodeMembershipQuestion(question: MembershipQuestion): Uint8Array {
  return toBinary(
    MembershipQuestionSchema,
    create(MembershipQuestionSchema, { question: questionOf(question) }),
  )
}

function questionOf(question: MembershipQuestion): QuestionMessage['question'] {
  switch (question.type) {
    case 'hello':
      return { case: 'hello' as const, value: helloOf(question.hello) }
    case 'join': {
      const { invite, member, ...rest } = question.join
      const ids = { invite: invite.toMultihash().bytes, member: member.toMultihash().bytes }
      return { case: 'join' as const, value: create(JoinRequestSchema, { ...rest, ...ids }) }
    }
    case 'update':
      return {
        case: 'update' as const,
        value: create(UpdateSchema, {
          lists: [...question.lists],
          secret: question.secret ?? new Uint8Array(),
        }),
      }
    case 'renew':
      return { case: 'renew' as const, value: create(RenewSchema) }
    default:
      return question satisfies never
  }
}

/** @throws InferenceError `malformed` */
export function decodeMembershipQuestion(bytes: Uint8Array): MembershipQuestion {
  const { question } = decodeMessage(MembershipQuestionSchema, bytes)
  switch (question.case) {
    case 'hello':
      return { type: 'hello', hello: readHello(question.value) }
    case 'join': {
      const { invite, member, signature, passedOn } = question.value
      const swarmId = swarmIdIn(question.value.swarmId)
      const ids = { invite: keyIdIn(invite), member: keyIdIn(member) }
      return { type: 'join', join: { swarmId, ...ids, signature, passedOn } }
    }
    case 'update':
      return readUpdate(question.value)
    case 'renew':
      return { type: 'renew' }
    case undefined:
      throw malformed('unknown question')
    default:
      return question satisfies never
  }
}

export function encodeMembershipAnswer(answer: MembershipAnswer): Uint8Array {
  return toBinary(
    MembershipAnswerSchema,
    create(MembershipAnswerSchema, { answer: answerOf(answer) }),
  )
}

function answerOf(answer: MembershipAnswer): AnswerMessage['answer'] {
  switch (answer.type) {
    case 'hello':
      return { case: 'hello' as const, value: helloOf(answer.hello) }
    case 'admission': {
      const { lists, ...rest } = answer.admission
      return {
        case: 'admission' as const,
        value: create(AdmissionSchema, { ...rest, lists: [...lists] }),
      }
    }
    case 'updated':
      return { case: 'updated' as const, value: create(UpdateSchema) }
    case 'refused': {
      const { reason, nowMs } = answer
      return {
        case: 'refused' as const,
        value: create(RefusedSchema, {
          reason: REFUSALS[reason],
          nowMs: BigInt(Math.round(nowMs)),
        }),
      }
    }
    default:
      return answer satisfies never
  }
}

/** @throws InferenceError `malformed` */
export function decodeMembershipAnswer(bytes: Uint8Array): MembershipAnswer {
  const { answer } = decodeMessage(MembershipAnswerSchema, bytes)
  switch (answer.case) {
    case 'hello':
      return { type: 'hello', hello: readHello(answer.value) }
    case 'admission': {
      const { certificate, issuerCertificate, lists } = answer.value
      const admission = { certificate, issuerCertificate, lists: boundedLists(lists) }
      return { type: 'admission', admission }
    }
    case 'updated':
      return { type: 'updated' }
    case 'refused': {
      const { reason, nowMs } = answer.value
      const known = nameOf(REFUSALS, reason) ?? 'not_a_member'
      return { type: 'refused', reason: known, nowMs: Number(nowMs) }
    }
    case undefined:
      throw malformed('unknown answer')
    default:
      return answer satisfies never
  }
}

function readUpdate({ lists, secret }: Update): Extract<MembershipQuestion, { type: 'update' }> {
  if (secret.length !== 0 && secret.length !== SECRET_BYTES) {
    throw malformed('a pre-shared key of the wrong size')
  }
  return {
    type: 'update',
    lists: boundedLists(lists),
    ...(secret.length > 0 && { secret }),
  }
}

function helloOf({ nowMs, heads, keyNumber, ...hello }: MemberHello): HelloMessage {
  return create(HelloSchema, {
    ...hello,
    nowMs: BigInt(Math.round(nowMs)),
    keyNumber: BigInt(keyNumber),
    heads: heads.map(({ issuer, number }) => ({
      issuer: issuer.toMultihash().bytes,
      number: BigInt(number),
    })),
  })
}

function readHello({ nowMs, heads, keyNumber, ...rest }: HelloMessage): MemberHello {
  const swarmId = swarmIdIn(rest.swarmId)
  if (heads.length > LIMITS.maxIssuers) throw malformed('too many lists')
  const { certificate, issuerCertificate, badge } = rest
  return {
    ...{ swarmId, certificate, issuerCertificate, badge, nowMs: Number(nowMs) },
    keyNumber: Number(keyNumber),
    heads: heads.map(({ issuer, number }) => ({
      issuer: keyIdIn(issuer),
      number: Number(number),
    })),
  }
}

function boundedLists(lists: readonly Uint8Array[]): readonly Uint8Array[] {
  if (lists.length > LIMITS.maxIssuers) throw malformed('too many lists')
  return lists
}

/** What the secret in an invite signs: this key, and no other, joins with it. */
function joinProof({ swarmId, member }: Pick<JoinRequest, 'swarmId' | 'member'>): Uint8Array {
  return concat([fromString(`${MEMBERSHIP_DOMAINS.join}\0`), swarmId, member.toMultihash().bytes])
}

/** Signs a join request with the key of the invite. */
export async function signJoin(
  request: Pick<JoinRequest, 'swarmId' | 'member'>,
  inviteKey: PrivateKey,
): Promise<Uint8Array> {
  return await inviteKey.sign(joinProof(request))
}

/** Whether the asker of a join request has the secret of the invite. */
export async function isJoinSigned(request: JoinRequest): Promise<boolean> {
  const { publicKey } = request.invite
  if (publicKey === undefined) return false
  try {
    return await publicKey.verify(joinProof(request), request.signature)
  } catch {
    // The signature has the wrong length.
    return false
  }
}
