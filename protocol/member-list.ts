import { create, toBinary } from '@bufbuild/protobuf'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import {
  type Certificate,
  type MemberRole,
  memberName,
  openCertificate,
  readListedCertificate,
  roleNumber,
  roleOf,
} from './certificate.ts'
import { decodeMessage } from './codec/index.ts'
import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { MemberListSchema, type Revocation as RevocationMessage } from './membership_pb.ts'
import {
  keyIdIn,
  MEMBERSHIP_DOMAINS,
  malformed,
  openEnvelope,
  sealEnvelope,
  swarmIdIn,
} from './membership-envelope.ts'
import { type Rotation, readRotation, rotationMessage } from './rotation.ts'

const DIGEST_BYTES = 32

/** An invite that may still be used. */
export interface InviteEntry {
  /** Public half of the secret in the invite. */
  readonly key: PeerId
  readonly name: string
  readonly role: MemberRole
  /** Members that may join with it. */
  readonly uses: number
  readonly expiresAtMs: number
}

/** The end of a membership. */
export interface Revocation {
  readonly member: PeerId
  readonly revokedAtMs: number
  /** SHA-256 of the last list of a revoked admin that still counts; all else that it signed is void. Absent: everything is. */
  readonly lastList?: Uint8Array
}

/** An invite that no longer counts, whichever issuer made it. */
export interface ClosedInvite {
  readonly key: PeerId
  readonly expiresAtMs: number
}

/** All that one issuer, the owner or an admin, has said. A higher number replaces a lower one. */
export interface MemberList {
  readonly swarmId: Uint8Array
  readonly issuer: PeerId
  readonly number: number
  readonly issuedAtMs: number
  /** By the owner. Absent in the owner's list. */
  readonly issuerCertificate?: Certificate
  /** By this issuer. */
  readonly certificates: readonly Certificate[]
  readonly invites: readonly InviteEntry[]
  readonly revocations: readonly Revocation[]
  readonly closedInvites: readonly ClosedInvite[]
  /** The newest pre-shared key that it has made. */
  readonly rotation?: Rotation
  /** The signed envelope. */
  readonly bytes: Uint8Array
}

/** @throws InferenceError `invalid_request` if the list has become too large */
export async function sealMemberList(
  list: Omit<MemberList, 'issuer' | 'bytes'>,
  key: PrivateKey,
): Promise<Uint8Array> {
  const payload = create(MemberListSchema, {
    swarmId: list.swarmId,
    number: BigInt(list.number),
    issuedAtMs: BigInt(list.issuedAtMs),
    issuerCertificate: list.issuerCertificate?.bytes ?? new Uint8Array(),
    certificates: list.certificates.map(({ bytes }) => bytes),
    invites: list.invites.map(({ key: id, name, role, uses, expiresAtMs }) => ({
      ...{ name, uses, key: id.toMultihash().bytes, role: roleNumber(role) },
      expiresAtMs: BigInt(expiresAtMs),
    })),
    revocations: list.revocations.map(({ member, revokedAtMs, lastList }) => ({
      member: member.toMultihash().bytes,
      revokedAtMs: BigInt(revokedAtMs),
      lastList: lastList ?? new Uint8Array(),
    })),
    closedInvites: list.closedInvites.map(({ key: id, expiresAtMs }) => ({
      key: id.toMultihash().bytes,
      expiresAtMs: BigInt(expiresAtMs),
    })),
    ...(list.rotation !== undefined && { rotation: rotationMessage(list.rotation) }),
  })
  const bytes = await sealEnvelope(
    MEMBERSHIP_DOMAINS.list,
    toBinary(MemberListSchema, payload),
    key,
  )
  if (bytes.length <= LIMITS.maxMemberListBytes) return bytes
  throw new InferenceError('invalid_request', 'the list of members has become too large')
}

/** Checks signatures and form. Whether the issuer may issue is the reader's to check. @throws InferenceError `malformed` */
export async function openMemberList(bytes: Uint8Array): Promise<MemberList> {
  const { signer, payload } = await openEnvelope(
    MEMBERSHIP_DOMAINS.list,
    bytes,
    LIMITS.maxMemberListBytes,
  )
  const message = decodeMessage(MemberListSchema, payload)
  const number = Number(message.number)
  const swarmId = swarmIdIn(message.swarmId)
  if (number < 1 || !Number.isSafeInteger(number)) throw malformed('a list without a number')
  const { certificates, invites, revocations, closedInvites, issuerCertificate, rotation } = message
  if (
    Math.max(certificates.length, invites.length) > LIMITS.maxMembers ||
    revocations.length > LIMITS.maxRevocations ||
    closedInvites.length > LIMITS.maxMembers
  ) {
    throw malformed('a list with too many entries')
  }
  return {
    ...{ swarmId, issuer: signer, number, bytes },
    issuedAtMs: Number(message.issuedAtMs),
    ...(issuerCertificate.length > 0 && {
      issuerCertificate: await openCertificate(issuerCertificate),
    }),
    certificates: certificates.map((certificate) => readListedCertificate(signer, certificate)),
    invites: invites.map(({ key, name, role, uses, expiresAtMs }) => ({
      ...{ key: keyIdIn(key), name: memberName(name), role: roleOf(role), uses },
      expiresAtMs: Number(expiresAtMs),
    })),
    revocations: revocations.map(readRevocation),
    closedInvites: closedInvites.map(({ key, expiresAtMs }) => ({
      key: keyIdIn(key),
      expiresAtMs: Number(expiresAtMs),
    })),
    ...(rotation !== undefined && { rotation: readRotation(rotation) }),
  }
}

function readRevocation({ member, revokedAtMs, lastList }: RevocationMessage): Revocation {
  if (lastList.length > 0 && lastList.length !== DIGEST_BYTES) {
    throw malformed('a digest of the wrong size')
  }
  return {
    member: keyIdIn(member),
    revokedAtMs: Number(revokedAtMs),
    ...(lastList.length > 0 && { lastList }),
  }
}
