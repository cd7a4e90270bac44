import type { PeerId, PrivateKey } from '@libp2p/interface'
import {
  type Admission,
  type Certificate,
  type JoinRequest,
  type MemberRole,
  type MembershipRefusal,
  openCertificate,
  sealCertificate,
} from '../../protocol/index.ts'
import { fittingLists } from './fitting-lists.ts'
import { MEMBERSHIP } from './limits.ts'
import type { Membership } from './membership.ts'
import { publish } from './publish.ts'

export type AdmissionResult =
  | { readonly admission: Admission }
  | { readonly refused: MembershipRefusal }

interface NewMember {
  readonly member: PeerId
  readonly name: string
  readonly role: MemberRole
  readonly invite?: Certificate['invite']
  /** @default now */
  readonly joinedAtMs?: number
}

/** Issues a certificate and adds it to the issuer's list. Call it in `membership.change`. */
export async function certify(
  membership: Membership,
  issuer: PrivateKey,
  { member, name, role, invite, joinedAtMs }: NewMember,
  nowMs: number,
): Promise<Certificate> {
  const lifetimeMs = role === 'admin' ? MEMBERSHIP.adminLifetimeMs : MEMBERSHIP.memberLifetimeMs
  const bytes = await sealCertificate(
    {
      ...{ swarmId: membership.swarmId, member, name, role },
      joinedAtMs: joinedAtMs ?? nowMs,
      notBeforeMs: nowMs,
      expiresAtMs: nowMs + lifetimeMs,
      ...(invite !== undefined && { invite }),
    },
    issuer,
  )
  const certificate = await openCertificate(bytes)
  await publish(membership, issuer, nowMs, (entries) => ({
    ...entries,
    certificates: [...entries.certificates, certificate],
  }))
  return certificate
}

/**
 * Lets a machine join, if its invite is good. Uses are counted in the lists: twice at one issuer, or at two that know
 * each other's lists, is refused.
 *
 * @param request its signature was verified
 * @param keys the owner's key if it is on this machine
 */
export async function admit(
  membership: Membership,
  request: JoinRequest,
  keys: { readonly ownerKey?: PrivateKey | undefined },
  nowMs: number,
): Promise<AdmissionResult> {
  const { roster } = membership
  const found = roster.invite(request.invite)
  if (found === undefined) return { refused: 'invite_unknown' }
  const { entry } = found
  const issuer = issuerFor(membership, entry.role, keys)
  if (issuer === undefined) return { refused: 'no_issuer' }
  return await membership.change(async () => {
    // The same machine may ask again when an answer was lost.
    const known = roster.certificateOf(request.member)
    const joined = roster.joinedWith(entry.key)
    if (roster.isRevoked(request.member)) return { refused: 'revoked' as const }
    if (known !== undefined) return { admission: admissionOf(membership, known) }
    if (nowMs > entry.expiresAtMs) return { refused: 'invite_expired' as const }
    if (joined.length >= entry.uses) return { refused: 'invite_used' as const }
    const name = joined.length === 0 ? entry.name : `${entry.name}-${joined.length + 1}`
    const invite = { key: entry.key, uses: entry.uses }
    const { member } = request
    const certificate = await certify(
      membership,
      issuer,
      { member, name, role: entry.role, invite },
      nowMs,
    )
    return { admission: admissionOf(membership, certificate) }
  })
}

/** A certificate that lasts longer, with everything else unchanged. `undefined`: this machine may not issue it. */
export async function renew(
  membership: Membership,
  certificate: Certificate,
  keys: { readonly ownerKey?: PrivateKey | undefined },
  nowMs: number,
): Promise<Admission | undefined> {
  const issuer = issuerFor(membership, certificate.role, keys)
  if (issuer === undefined) return undefined
  return await membership.change(async () => {
    const known = membership.roster.certificateOf(certificate.member) ?? certificate
    if (!isDue(known, nowMs)) return admissionOf(membership, known)
    const renewed = await certify(membership, issuer, known, nowMs)
    return admissionOf(membership, renewed)
  })
}

/** Whether a third of its lifetime has passed. */
export function isDue({ notBeforeMs, expiresAtMs }: Certificate, nowMs: number): boolean {
  return nowMs - notBeforeMs > (expiresAtMs - notBeforeMs) / 3
}

/** The key that may issue for this role here. */
function issuerFor(
  { certificate, memberKey, roster }: Membership,
  role: MemberRole,
  { ownerKey }: { readonly ownerKey?: PrivateKey | undefined },
): PrivateKey | undefined {
  if (role === 'admin') return ownerKey
  const isAdmin = certificate.role === 'admin' && !roster.isRevoked(certificate.member)
  return isAdmin ? memberKey : ownerKey
}

/** What a member needs: its certificate, and the lists, the owner's and its issuer's first. */
function admissionOf({ roster }: Membership, certificate: Certificate): Admission {
  const lists = roster
    .lists()
    .toSorted((a, b) => rank(b.issuer, certificate) - rank(a.issuer, certificate))
  function rank(issuer: PeerId, { issuer: own }: Certificate): number {
    return roster.isOwner(issuer) ? 2 : Number(issuer.equals(own))
  }
  return {
    certificate: certificate.bytes,
    issuerCertificate:
      roster.listOf(certificate.issuer)?.issuerCertificate?.bytes ?? new Uint8Array(),
    lists: fittingLists(lists).map(({ bytes }) => bytes),
  }
}
