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
  SWARM_ID_BYTES,
} from './certificate.ts'
import { decodeMessage } from './codec/index.ts'
import { LIMITS } from './limits.ts'
import {
  type KeyChange as KeyChangeMessage,
  MemberListSchema,
  type Revocation as RevocationMessage,
} from './membership_pb.ts'
import {
  keyIdIn,
  MEMBERSHIP_DOMAINS,
  malformed,
  openEnvelope,
  sealEnvelope,
} from './membership-envelope.ts'

const KEY_BYTES = 32

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
  /** The last list of a revoked admin that still counts; all else that it signed is void. Absent: everything is. */
  readonly lastList?: MemberList
}

/** A new pre-shared key, 32 bytes, and when it takes the place of the previous one. */
export interface KeyChange {
  readonly key: Uint8Array
  readonly previous: Uint8Array
  readonly issuedAtMs: number
  /** Peers dial with the previous key until then. */
  readonly dialFromMs: number
  /** The previous key is refused from then on. */
  readonly endsAtMs: number
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
  readonly keyChanges: readonly KeyChange[]
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
      lastList: lastList?.bytes ?? new Uint8Array(),
    })),
    keyChanges: list.keyChanges.map((change) => ({
      ...{ key: change.key, previous: change.previous, issuedAtMs: BigInt(change.issuedAtMs) },
      ...{ dialFromMs: BigInt(change.dialFromMs), endsAtMs: BigInt(change.endsAtMs) },
    })),
  })
  return await sealEnvelope(MEMBERSHIP_DOMAINS.list, toBinary(MemberListSchema, payload), key)
}

/** Checks signatures and form. Whether the issuer may issue is the reader's to check. @throws InferenceError `malformed` */
export async function openMemberList(bytes: Uint8Array): Promise<MemberList> {
  return await open(bytes, true)
}

/** @param mayPin whether it may contain last lists of revoked admins; those themselves may not */
async function open(bytes: Uint8Array, mayPin: boolean): Promise<MemberList> {
  const { signer, payload } = await openEnvelope(
    MEMBERSHIP_DOMAINS.list,
    bytes,
    LIMITS.maxMemberListBytes,
  )
  const message = decodeMessage(MemberListSchema, payload)
  const number = Number(message.number)
  if (message.swarmId.length !== SWARM_ID_BYTES) throw malformed('a swarm id of the wrong size')
  if (number < 1 || !Number.isSafeInteger(number)) throw malformed('a list without a number')
  const { certificates, invites, revocations, keyChanges, issuerCertificate } = message
  if (
    Math.max(certificates.length, invites.length) > LIMITS.maxMembers ||
    revocations.length > LIMITS.maxRevocations ||
    keyChanges.length > LIMITS.maxKeyChanges
  ) {
    throw malformed('a list with too many entries')
  }
  return {
    ...{ swarmId: message.swarmId, issuer: signer, number, bytes },
    issuedAtMs: Number(message.issuedAtMs),
    ...(issuerCertificate.length > 0 && {
      issuerCertificate: await openCertificate(issuerCertificate),
    }),
    certificates: certificates.map((certificate) => readListedCertificate(signer, certificate)),
    invites: invites.map(({ key, name, role, uses, expiresAtMs }) => ({
      ...{ key: keyIdIn(key), name: memberName(name), role: roleOf(role), uses },
      expiresAtMs: Number(expiresAtMs),
    })),
    revocations: await Promise.all(revocations.map((each) => readRevocation(each, mayPin))),
    keyChanges: keyChanges.map(readKeyChange),
  }
}

async function readRevocation(
  { member, revokedAtMs, lastList }: RevocationMessage,
  mayPin: boolean,
): Promise<Revocation> {
  return {
    member: keyIdIn(member),
    revokedAtMs: Number(revokedAtMs),
    ...(mayPin && lastList.length > 0 && { lastList: await open(lastList, false) }),
  }
}

function readKeyChange(message: KeyChangeMessage): KeyChange {
  const { key, previous } = message
  if (key.length !== KEY_BYTES || previous.length !== KEY_BYTES) {
    throw malformed('a pre-shared key of the wrong size')
  }
  return {
    ...{ key, previous, issuedAtMs: Number(message.issuedAtMs) },
    ...{ dialFromMs: Number(message.dialFromMs), endsAtMs: Number(message.endsAtMs) },
  }
}
