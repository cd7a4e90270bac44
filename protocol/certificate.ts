import { create, toBinary } from '@bufbuild/protobuf'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { sha256 } from 'multiformats/hashes/sha2'
import { decodeMessage, nameOf } from './codec/index.ts'
import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { BadgeSchema, CertificateSchema, Role } from './membership_pb.ts'
import {
  keyIdIn,
  MEMBERSHIP_DOMAINS,
  malformed,
  type OpenedEnvelope,
  openEnvelope,
  readEnvelopeOf,
  sealEnvelope,
  swarmIdIn,
} from './membership-envelope.ts'
import { plainLine } from './plain-text.ts'

/** What a member may do: `client` asks, `node` also serves, `admin` also invites, renews and revokes. */
export type MemberRole = 'client' | 'node' | 'admin'

const SERIAL_BYTES = 8
const MAX_SERIAL_BYTES = 32
/** Longest name of a member. */
const MAX_NAME_LENGTH = 63

const ROLES = {
  client: Role.CLIENT,
  node: Role.NODE,
  admin: Role.ADMIN,
} as const satisfies Record<MemberRole, Role>

/** Membership of one machine: of its key, which vouches for the peer ids of its processes. */
export interface Certificate {
  readonly swarmId: Uint8Array
  /** Id of the member's key. */
  readonly member: PeerId
  readonly name: string
  readonly role: MemberRole
  /** Milliseconds since 1970. Renewals keep it. */
  readonly joinedAtMs: number
  readonly notBeforeMs: number
  readonly expiresAtMs: number
  /** Key of the invite, and how many members may join with it. Absent for the first member of a swarm. */
  readonly invite?: { readonly key: PeerId; readonly uses: number }
  /** Who signed it. */
  readonly issuer: PeerId
  /** The signed envelope. */
  readonly bytes: Uint8Array
}

/** A member's word that a peer id is one of its processes. */
export interface Badge {
  readonly swarmId: Uint8Array
  readonly member: PeerId
  readonly peer: PeerId
}

/** SHA-256 of the owner's public key. @throws InferenceError `invalid_request` for an id that does not carry the key */
export async function swarmIdOf({ publicKey }: PeerId): Promise<Uint8Array> {
  if (publicKey === undefined) throw new InferenceError('invalid_request', 'the owner has no key')
  return (await sha256.digest(publicKeyToProtobuf(publicKey))).digest
}

export async function sealCertificate(
  certificate: Omit<Certificate, 'issuer' | 'bytes'>,
  key: PrivateKey,
): Promise<Uint8Array> {
  const { swarmId, member, name, role, joinedAtMs, notBeforeMs, expiresAtMs, invite } = certificate
  const payload = create(CertificateSchema, {
    ...{
      swarmId,
      name,
      role: ROLES[role],
      serial: crypto.getRandomValues(new Uint8Array(SERIAL_BYTES)),
    },
    member: member.toMultihash().bytes,
    joinedAtMs: BigInt(joinedAtMs),
    notBeforeMs: BigInt(notBeforeMs),
    expiresAtMs: BigInt(expiresAtMs),
    ...(invite !== undefined && {
      invite: invite.key.toMultihash().bytes,
      inviteUses: invite.uses,
    }),
  })
  return await sealEnvelope(
    MEMBERSHIP_DOMAINS.certificate,
    toBinary(CertificateSchema, payload),
    key,
  )
}

/** Checks signature and form; whether the issuer may sign, and the times, are the caller's to check. @throws InferenceError `malformed` */
export async function openCertificate(bytes: Uint8Array): Promise<Certificate> {
  const { certificate: domain } = MEMBERSHIP_DOMAINS
  return read(await openEnvelope(domain, bytes, LIMITS.maxCertificateBytes), bytes)
}

/** The same for the certificate of an issuer. @returns undefined for no bytes: the owner has none */
export async function openIssuerCertificate(bytes: Uint8Array): Promise<Certificate | undefined> {
  return bytes.length === 0 ? undefined : await openCertificate(bytes)
}

/** The same for a certificate in the issuer's own list, whose signature covers it. @throws InferenceError `malformed` */
export function readListedCertificate(issuer: PeerId, bytes: Uint8Array): Certificate {
  const { certificate: domain } = MEMBERSHIP_DOMAINS
  return read(readEnvelopeOf(issuer, domain, bytes, LIMITS.maxCertificateBytes), bytes)
}

function read({ signer, payload }: OpenedEnvelope, bytes: Uint8Array): Certificate {
  const message = decodeMessage(CertificateSchema, payload)
  const swarmId = swarmIdIn(message.swarmId)
  if (message.serial.length > MAX_SERIAL_BYTES) throw malformed('a serial of the wrong size')
  const notBeforeMs = Number(message.notBeforeMs)
  const expiresAtMs = Number(message.expiresAtMs)
  if (expiresAtMs <= notBeforeMs) throw malformed('a certificate that ends before it begins')
  return {
    swarmId,
    member: keyIdIn(message.member),
    name: memberName(message.name),
    role: roleOf(message.role),
    joinedAtMs: Number(message.joinedAtMs),
    ...{ notBeforeMs, expiresAtMs, issuer: signer, bytes },
    ...(message.invite.length > 0 && {
      invite: { key: keyIdIn(message.invite), uses: message.inviteUses },
    }),
  }
}

/** @throws InferenceError `malformed` */
export function memberName(name: string): string {
  if (name === '' || name.length > MAX_NAME_LENGTH) throw malformed('a name of the wrong length')
  return plainLine(name)
}

/** @throws InferenceError `malformed` for a role of a newer version: it may have fewer rights */
export function roleOf(value: Role): MemberRole {
  const role = nameOf(ROLES, value)
  if (role === undefined) throw malformed('an unknown role')
  return role
}

export function roleNumber(role: MemberRole): Role {
  return ROLES[role]
}

export async function sealBadge(
  { swarmId, peer }: Omit<Badge, 'member'>,
  key: PrivateKey,
): Promise<Uint8Array> {
  const payload = create(BadgeSchema, { swarmId, peer: peer.toMultihash().bytes })
  return await sealEnvelope(MEMBERSHIP_DOMAINS.badge, toBinary(BadgeSchema, payload), key)
}

/** @throws InferenceError `malformed` */
export async function openBadge(bytes: Uint8Array): Promise<Badge> {
  const { signer, payload } = await openEnvelope(
    MEMBERSHIP_DOMAINS.badge,
    bytes,
    LIMITS.maxCertificateBytes,
  )
  const { swarmId, peer } = decodeMessage(BadgeSchema, payload)
  return { swarmId, member: signer, peer: keyIdIn(peer) }
}
