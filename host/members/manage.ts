import { randomBytes } from 'node:crypto'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import {
  type Certificate,
  InferenceError,
  type InviteEntry,
  type MemberRole,
  memberName,
} from '../../protocol/index.ts'
import { certify } from './admit.ts'
import { MEMBERSHIP } from './limits.ts'
import { encodeMemberInvite, INVITE_SECRET_BYTES, inviteKey } from './member-invite.ts'
import type { Membership } from './membership.ts'
import { adminCertificate, publish } from './publish.ts'
import { digestOf, type Roster } from './roster.ts'

const MAX_USES = 1_000

/** What an admin, or the owner, does with. */
export interface ManageOptions {
  /** Needed for admins: only the owner makes them and takes them out. */
  readonly ownerKey?: PrivateKey | undefined
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** Of a revoked admin: also void all that it signed before, members that it let in included. @default false */
  readonly isVoid?: boolean
}

/** For whom an invite is, and how long and how often it counts. */
export interface InviteInit {
  /** Name of the new member; later uses of the same invite get a number. */
  readonly name: string
  readonly role: MemberRole
  /** Members that may join with it. */
  readonly uses: number
  readonly expiresAtMs: number
  /** Multiaddrs of members to join through. */
  readonly addresses: readonly string[]
}

/** @returns the invite as one string @throws InferenceError `unauthorized`, `invalid_request` */
export async function inviteMember(
  membership: Membership,
  init: InviteInit,
  options: ManageOptions,
): Promise<string> {
  const { role, uses, expiresAtMs } = init
  const { nowMs } = options
  const name = memberName(init.name)
  if (!Number.isSafeInteger(uses) || uses < 1 || uses > MAX_USES) {
    throw invalid(`an invite has 1 to ${MAX_USES} uses`)
  }
  if (expiresAtMs <= nowMs) throw invalid('the invite would have expired already')
  if (expiresAtMs > nowMs + MEMBERSHIP.keepMs)
    throw invalid('an invite is good for 30 days at most')
  const joinSecret = randomBytes(INVITE_SECRET_BYTES)
  const key = peerIdFromPrivateKey(await inviteKey(joinSecret))
  const issuer = issuerOf(membership, role === 'admin', options)
  await membership.change(async () => {
    if (isNameTaken(membership, name, nowMs)) {
      throw invalid(`${name} is the name of a member or of an open invite: choose another`)
    }
    const entry: InviteEntry = { key, name, role, uses, expiresAtMs }
    await publish(membership, issuer, nowMs, (entries) => ({
      ...entries,
      invites: [...entries.invites, entry],
    }))
  })
  const { swarmId: _, owner } = membership.roster
  return encodeMemberInvite({
    ...{ swarm: membership.name, owner, joinSecret, addresses: init.addresses },
    secret: membership.secret,
  })
}

/**
 * Ends memberships and open invites of this name. It holds at once on this machine.
 *
 * @param who a member's name, or the id of its key
 * @returns what was ended
 * @throws InferenceError `unauthorized`, also for an admin without the owner's key; `invalid_request` for an unknown name
 */
export async function revokeMember(
  membership: Membership,
  who: string,
  options: ManageOptions,
): Promise<{ readonly members: readonly Certificate[]; readonly invites: number }> {
  const { roster } = membership
  const { nowMs } = options
  return await membership.change(async () => {
    const members = called(roster, who)
    // A machine that is taken out must not come back with the invite that it has.
    const invites = openInvites(membership, nowMs).filter(
      ({ entry }) =>
        entry.name === who || members.some(({ invite }) => invite?.key.equals(entry.key) === true),
    )
    if (members.length === 0 && invites.length === 0) {
      throw invalid(`no member or open invite is called ${who}`)
    }
    const isOfAdmin = members.some(({ member }) => roster.isAdmin(member))
    const issuer = issuerOf(membership, isOfAdmin, options)
    await publish(membership, issuer, nowMs, (entries) => ({
      ...entries,
      closedInvites: [
        ...entries.closedInvites,
        ...invites.map(({ entry: { key, expiresAtMs } }) => ({ key, expiresAtMs })),
      ],
      revocations: [
        ...entries.revocations,
        ...members.map(({ member }) => {
          const last = options.isVoid === true ? undefined : roster.listOf(member)
          return {
            ...{ member, revokedAtMs: nowMs },
            ...(last !== undefined && { lastList: digestOf(last) }),
          }
        }),
      ],
    }))
    return { members, invites: invites.length }
  })
}

/** Makes a member an admin. @throws InferenceError `unauthorized` without the owner's key; `invalid_request` */
export async function promoteMember(
  membership: Membership,
  who: string,
  options: ManageOptions,
): Promise<void> {
  const { roster } = membership
  const issuer = issuerOf(membership, true, options)
  await membership.change(async () => {
    const [found] = called(roster, who)
    if (found === undefined) throw invalid(`no member is called ${who}`)
    if (found.role === 'admin') throw invalid(`${who} is an admin already`)
    await certify(membership, issuer, { ...found, role: 'admin' }, options.nowMs)
  })
}

/** Invites that can still be used, as far as this machine knows. */
export function openInvites(
  { roster }: Membership,
  nowMs: number,
): readonly { readonly entry: InviteEntry; readonly issuer: PeerId }[] {
  return roster
    .invites()
    .filter(
      ({ entry }) => entry.expiresAtMs > nowMs && roster.joinedWith(entry.key).length < entry.uses,
    )
}

/** Members with this name, or id of their key, that are not revoked. */
function called(roster: Roster, who: string): readonly Certificate[] {
  return roster
    .members()
    .filter(({ name, member }) => name === who || member.toString() === who)
    .filter(({ member }) => !roster.isRevoked(member))
}

function isNameTaken(membership: Membership, name: string, nowMs: number): boolean {
  const { roster } = membership
  return (
    roster.members().some((other) => other.name === name && !roster.isRevoked(other.member)) ||
    openInvites(membership, nowMs).some(({ entry }) => entry.name === name)
  )
}

/** The key that may sign here. @throws InferenceError `unauthorized`; `invalid_request` for another swarm's key */
export function issuerOf(
  membership: Membership,
  isOwnersMatter: boolean,
  { ownerKey }: ManageOptions,
): PrivateKey {
  if (ownerKey !== undefined && !membership.roster.isOwner(peerIdFromPrivateKey(ownerKey))) {
    throw invalid("this is not the owner's key of this swarm")
  }
  if (isOwnersMatter) {
    if (ownerKey !== undefined) return ownerKey
    throw new InferenceError(
      'unauthorized',
      "only the owner's key makes admins and takes them out: run this where it is, or with --owner-key FILE",
    )
  }
  if (membership.certificate.role !== 'admin' && ownerKey !== undefined) return ownerKey
  adminCertificate(membership)
  return membership.memberKey
}

function invalid(message: string): InferenceError {
  return new InferenceError('invalid_request', message)
}
