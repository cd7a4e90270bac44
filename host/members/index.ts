/**
 * A swarm with members: certificates, the lists that revoke and renew them, and their proof on every connection.
 *
 * @packageDocumentation
 */

export { type CreateSwarmInit, createSwarm } from './create-swarm.ts'
export type { GateComponents } from './gate.ts'
export {
  type HostMembership,
  type OpenedMembership,
  openHostMembership,
  startMembership,
  withMembership,
} from './host-membership.ts'
export { type JoiningHost, joinSwarm, rejoinSwarm } from './join-swarm.ts'
export {
  type InviteInit,
  inviteMember,
  type ManageOptions,
  openInvites,
  promoteMember,
  revokeMember,
} from './manage.ts'
export { MemberClients } from './member-clients.ts'
export { decodeMemberInvite, MEMBER_INVITE_PREFIX, type MemberInvite } from './member-invite.ts'
export { Membership, type MembershipInit } from './membership.ts'
export { type RotateOptions, rotateSwarmKey } from './rotate.ts'
export { readOwnerKey } from './swarm-files.ts'
