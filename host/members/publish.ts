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
  'certificates' | 'invites' | 'revocations' | 'keyChanges'
>

const EMPTY: ListEntries = { certificates: [], invites: [], revocations: [], keyChanges: [] }

/**
 * Changes an issuer's list and gives it the next number. Call it in `membership.change`.
 *
 * @param issuer the owner's key, or the member's own key of an admin
 * @throws InferenceError `unauthorized` if this machine is no admin
 */
export async function publish(
  membership: Membership,
  issuer: PrivateKey,
  nowMs: number,
  edit: (entries: ListEntries) => ListEntries | Promise<ListEntries>,
): Promise<void> {
  const { roster } = membership
  const id = peerIdFromPrivateKey(issuer)
  const last = roster.listOf(id)
  const entries = kept(await edit(last ?? EMPTY), nowMs)
  const list = {
    swarmId: membership.swarmId,
    number: (last?.number ?? 0) + 1,
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
    keyChanges: entries.keyChanges.filter(({ endsAtMs }) => endsAtMs > since),
  }
}
