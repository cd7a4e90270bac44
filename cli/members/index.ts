/**
 * Memberships of this machine: where they are kept, which one a command uses, and how others learn of a change.
 *
 * @packageDocumentation
 */

export { changeMembers } from './change-members.ts'
export { checkClock } from './check-clock.ts'
export { currentMembership } from './current-membership.ts'
export { wayIn } from './way-in.ts'
