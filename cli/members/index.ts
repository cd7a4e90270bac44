/**
 * Memberships of this machine: where they are kept, which one a command uses, and how others learn of a change.
 *
 * @packageDocumentation
 */
export { currentMembership } from './current-membership.ts'
export { spreadLists } from './spread-lists.ts'
export { wayIn } from './way-in.ts'
