import type { MembershipRefusal } from '../../protocol/index.ts'

const NEW_INVITE = 'ask an admin of the swarm for a new invite'

/** What a refusal means for the operator of the refused machine, and what to do. */
const WORDS: Readonly<Record<MembershipRefusal, string>> = {
  not_a_member: `it is no member of this swarm: ${NEW_INVITE}`,
  revoked: `its membership was revoked: ${NEW_INVITE}`,
  expired: `its certificate has expired: ${NEW_INVITE}`,
  not_yet_valid: 'its certificate is not valid yet: check the clocks of both machines',
  invite_unknown: `the invite is unknown or was revoked: ${NEW_INVITE}`,
  invite_expired: `the invite has expired: ${NEW_INVITE}`,
  invite_used: `the invite has been used: ${NEW_INVITE}`,
  no_issuer: 'no admin of the swarm is reached at the moment: try again when one is online',
  busy: 'it has asked too often: try again in a minute',
}

/** A difference of clocks that is worth a word. */
const CLOCK_OFF_MS = 3_600_000

/** @param aheadMs how far the refused machine's clock is ahead of the refusing peer's */
export function refusalWords(reason: MembershipRefusal, aheadMs: number): string {
  const isByTime = reason === 'expired' || reason === 'not_yet_valid' || reason === 'invite_expired'
  if (!isByTime || Math.abs(aheadMs) < CLOCK_OFF_MS) return WORDS[reason]
  const hours = Math.round(Math.abs(aheadMs) / 3_600_000)
  const direction = aheadMs > 0 ? 'ahead of' : 'behind'
  return `${WORDS[reason]}. This machine's clock is ${hours} hours ${direction} the peer's: set it first`
}
