import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import {
  type Certificate,
  InferenceError,
  type MemberList,
  sealMemberList,
} from '../../protocol/index.ts'
import { MEMBERSHIP } from './limits.ts'
import type { Membership } from './membership.ts'

/** The entries of an issuer's list. */
export type ListEntries = Pick<
  MemberList,
  'certificates' | 'closedInvites' | 'invites' | 'revocations' | 'rotation'
>

const EMPTY: ListEntries = { certificates: [], closedInvites: [], invites: [], revocations: [] }

/**
 * Changes an issuer's list and gives it a higher number: the time, so that two machines with the owner's key do not give
 * the same one. Revocations and the newest rotation of earlier lists stay in it. Call it in `membership.change`.
 *
 * @param issuer the owner's key, or the member's own key of an admin
 * @throws InferenceError `unauthorized` if this machine is no admin
 */
export async function publish(
  membership: Membership,
  issuer: PrivateKey,
  nowMs: number,
  edit: (entries: ListEntries) => ListEntries,
): Promise<void> {
  const { roster } = membership
  const id = peerIdFromPrivateKey(issuer)
  const last = roster.listOf(id)
  const rotation = roster.rotationBy(id)
  const known = {
    ...(last ?? EMPTY),
    revocations: roster.revocationsBy(id),
    ...(rotation !== undefined && { rotation }),
  }
  const entries = kept(edit(known), nowMs)
  const list = {
    swarmId: membership.swarmId,
    number: Math.max((last?.number ?? 0) + 1, nowMs),
    issuedAtMs: nowMs,
    ...(!roster.isOwner(id) && { issuerCertificate: adminCertificate(membership) }),
    ...entries,
  }
  await membership.publish(await sealMemberList(list, issuer))
}

/** This machine's certificate as an admin. @throws InferenceError `unauthorized` if it is not one, or no longer */
export function adminCertificate({ certificate, roster }: Membership): Certificate {
  if (certificate.role !== 'admin') {
    throw new InferenceError(
      'unauthorized',
      `this machine is a ${certificate.role} of the swarm: only an admin or the owner's key may do that`,
    )
  }
  if (roster.isRevoked(certificate.member)) {
    throw new InferenceError('unauthorized', "this machine's membership was revoked")
  }
  return certificate
}

/** Without entries that are past, and certificates that newer ones of the same member replace. */
function kept(entries: ListEntries, nowMs: number): ListEntries {
  const since = nowMs - MEMBERSHIP.keepMs
  const newest = new Map<string, Certificate>()
  for (const certificate of entries.certificates) {
    newest.set(certificate.member.toString(), certificate)
  }
  return {
    certificates: [...newest.values()].filter(({ expiresAtMs }) => expiresAtMs > since),
    invites: entries.invites.filter(({ expiresAtMs }) => expiresAtMs > since),
    revocations: entries.revocations,
    closedInvites: entries.closedInvites.filter(({ expiresAtMs }) => expiresAtMs > since),
    ...(entries.rotation !== undefined && { rotation: entries.rotation }),
  }
}
