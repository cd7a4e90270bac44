import type { Certificate, MembershipRefusal } from '../../protocol/index.ts'
import { MEMBERSHIP } from './limits.ts'

/** Whether a certificate makes its holder a member now. */
export type Standing =
  | { readonly isMember: true }
  | { readonly isMember: false; readonly reason: MembershipRefusal }

/** Judges the dates of a certificate alone. */
export function inTime(certificate: Certificate, nowMs: number): Standing {
  const { notBeforeMs, expiresAtMs, role } = certificate
  const longestMs = role === 'admin' ? MEMBERSHIP.adminLifetimeMs : MEMBERSHIP.memberLifetimeMs
  if (expiresAtMs - notBeforeMs > longestMs) return refused('not_a_member')
  if (nowMs > expiresAtMs + MEMBERSHIP.expiryToleranceMs) return refused('expired')
  if (nowMs < notBeforeMs - MEMBERSHIP.startToleranceMs) return refused('not_yet_valid')
  return { isMember: true }
}

export function refused(reason: MembershipRefusal): Standing {
  return { isMember: false, reason }
}
