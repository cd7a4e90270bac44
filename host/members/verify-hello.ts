import type { PeerId } from '@libp2p/interface'
import { equals } from 'uint8arrays/equals'
import {
  type MemberHello,
  type MembershipRefusal,
  openBadge,
  openCertificate,
  openIssuerCertificate,
} from '../../protocol/index.ts'
import type { ProvedMember } from './gate.ts'
import type { Roster } from './roster.ts'

export type Verified = { readonly member: ProvedMember } | { readonly refused: MembershipRefusal }

/**
 * Whether a peer is the member that it claims to be, and which certificate makes it one.
 *
 * @param peer proved by the handshake of the connection: a certificate and badge for another peer id are worth nothing
 * @param nowMs called once, when the signatures hold, with the peer's clock as one more reading
 * @throws InferenceError `malformed`
 */
export async function verifyHello(
  roster: Roster,
  peer: PeerId,
  hello: MemberHello,
  nowMs: () => number,
): Promise<Verified> {
  if (!equals(hello.swarmId, roster.swarmId)) return { refused: 'not_a_member' }
  const badge = await openBadge(hello.badge)
  const certificate = await openCertificate(hello.certificate)
  const isOwn =
    badge.peer.equals(peer) &&
    badge.member.equals(certificate.member) &&
    equals(badge.swarmId, roster.swarmId)
  if (!isOwn) return { refused: 'not_a_member' }
  const issuerCertificate = await openIssuerCertificate(hello.issuerCertificate)
  // Only who leads to the owner and was not revoked has a say about the time.
  const beginning = roster.standingOf(certificate, certificate.notBeforeMs, issuerCertificate)
  // The lists may have a newer one that has not reached the peer.
  const listed = roster.certificateOf(certificate.member)
  const isListed = listed !== undefined && roster.standingOf(listed, listed.notBeforeMs).isMember
  if (!beginning.isMember && !isListed) return { refused: beginning.reason }
  const atMs = nowMs()
  const standing = roster.standingOf(certificate, atMs, issuerCertificate)
  if (listed !== undefined && roster.standingOf(listed, atMs).isMember) {
    return { member: { certificate: listed } }
  }
  return standing.isMember
    ? { member: { certificate, issuerCertificate } }
    : { refused: standing.reason }
}
