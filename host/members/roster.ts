import { createHash } from 'node:crypto'
import type { PeerId } from '@libp2p/interface'
import { equals } from 'uint8arrays/equals'
import {
  type Certificate,
  type InviteEntry,
  LIMITS,
  type ListHead,
  type MemberList,
  type Revocation,
  type Rotation,
} from '../../protocol/index.ts'
import { bestOf, isAfter, type Joins, joinsOf } from './certificates.ts'
import { MEMBERSHIP } from './limits.ts'
import { inTime, refused, type Standing } from './standing.ts'

/** `new`: in force now. `known`: this number of the issuer or a later one is there. `void`: its issuer may not issue. */
export type Taken = 'new' | 'known' | 'void'

const NO_JOINS: Joins = { byMember: new Map(), inOrder: [] }

/** What is looked up in the lists. */
interface Indexed {
  /** By member, see {@link Roster.members}. */
  readonly best: ReadonlyMap<string, Certificate>
  /** By the key of an invite. */
  readonly joins: ReadonlyMap<string, Joins>
  /** Members that the owner made admins, revoked or not. */
  readonly admins: ReadonlySet<string>
}

export interface RosterInit {
  readonly swarmId: Uint8Array
  /** Id of the owner's key. */
  readonly owner: PeerId
}

/**
 * What the owner and the admins of a swarm have said, merged. Pure: verified lists in, answers out. The numbers of an
 * issuer only rise; of a revoked admin only the list counts that the owner names. A revocation that was seen once stays,
 * even if a later list of the same issuer, from a machine that did not know it, lacks it.
 */
export class Roster {
  readonly swarmId: Uint8Array
  readonly owner: PeerId
  readonly #lists = new Map<string, MemberList>()
  /** Of each issuer, those of its earlier lists, too. */
  readonly #revocations = new Map<string, Map<string, Revocation>>()
  /** The newest of each issuer, in whichever of its lists it was. */
  readonly #rotations = new Map<string, Rotation>()
  /** Of the lists as they are: each connection is judged by them, again and again. `undefined` after a change. */
  #indexed: Indexed | undefined

  constructor({ swarmId, owner }: RosterInit) {
    this.swarmId = swarmId
    this.owner = owner
  }

  /** @param list its signatures were verified */
  take(list: MemberList): Taken {
    if (!equals(list.swarmId, this.swarmId) || !this.#mayIssue(list)) return 'void'
    const key = list.issuer.toString()
    const known = this.#lists.get(key)
    if (known === undefined && this.#lists.size >= LIMITS.maxIssuers) return 'void'
    const hasRevoked = this.#remember(list)
    const isOlder = known !== undefined && known.number >= list.number
    if (!isOlder) this.#lists.set(key, list)
    if (this.isOwner(list.issuer)) this.#dropVoidLists()
    this.#indexed = undefined
    return isOlder && !hasRevoked ? 'known' : 'new'
  }

  isOwner(issuer: PeerId): boolean {
    return issuer.equals(this.owner)
  }

  listOf(issuer: PeerId): MemberList | undefined {
    return this.#lists.get(issuer.toString())
  }

  lists(): readonly MemberList[] {
    return [...this.#lists.values()]
  }

  /** The newest pre-shared key of each issuer. */
  rotations(): readonly Rotation[] {
    return this.lists().flatMap(({ issuer }) => this.rotationBy(issuer) ?? [])
  }

  /** The newest pre-shared key of one issuer, even if its last list lacks it. */
  rotationBy(issuer: PeerId): Rotation | undefined {
    return this.#rotations.get(issuer.toString())
  }

  heads(): readonly ListHead[] {
    return this.lists().map(({ issuer, number }) => ({ issuer, number }))
  }

  /** Lists that a peer with these heads lacks. */
  missing(heads: readonly ListHead[]): readonly MemberList[] {
    return this.lists().filter(({ issuer, number }) => {
      const head = heads.find((each) => each.issuer.equals(issuer))
      if (head === undefined) return true
      // A peer may have a later list of a revoked admin, which is void, instead of the one that counts.
      const isPinned = this.#revocationByOwner(issuer) !== undefined
      return isPinned ? head.number !== number : head.number < number
    })
  }

  /** Whether this list would be news here. */
  lacks({ issuer, number }: ListHead): boolean {
    if (this.#revocationByOwner(issuer) !== undefined) return false
    return (this.listOf(issuer)?.number ?? 0) < number
  }

  /** @param issuerCertificate of an admin whose list may not be here yet */
  standingOf(certificate: Certificate, nowMs: number, issuerCertificate?: Certificate): Standing {
    if (!equals(certificate.swarmId, this.swarmId)) return refused('not_a_member')
    if (!this.#isIssued(certificate, nowMs, issuerCertificate)) return refused('not_a_member')
    if (this.isRevoked(certificate.member)) return refused('revoked')
    if (this.#isOverused(certificate)) return refused('invite_used')
    return inTime(certificate, nowMs)
  }

  isRevoked(member: PeerId): boolean {
    if (this.#revocationByOwner(member) !== undefined) return true
    // Only the owner makes admins, and only the owner takes them out.
    if (this.isAdmin(member)) return false
    return [...this.#revocations.values()].some((of) => of.has(member.toString()))
  }

  /** Whether the owner made this member an admin, revoked or not. */
  isAdmin(member: PeerId): boolean {
    return this.#index().admins.has(member.toString())
  }

  /** All revocations by one issuer, those of its earlier lists that were seen included. */
  revocationsBy(issuer: PeerId): readonly Revocation[] {
    return [...(this.#revocations.get(issuer.toString())?.values() ?? [])]
  }

  /** The best certificate of each member: the highest role, then the last to expire. Expired and revoked ones included. */
  members(): readonly Certificate[] {
    return [...this.#index().best.values()]
  }

  certificateOf(member: PeerId): Certificate | undefined {
    return this.#index().best.get(member.toString())
  }

  /** Members that joined with this invite, the first one first. */
  joinedWith(invite: PeerId): readonly PeerId[] {
    const joins = this.#index().joins.get(invite.toString())
    return joins?.inOrder.map(({ member }) => member) ?? []
  }

  invite(key: PeerId): { readonly entry: InviteEntry; readonly issuer: PeerId } | undefined {
    return this.invites().find(({ entry }) => entry.key.equals(key))
  }

  /** Without those that were closed, that an admin made for an admin, or that a revoked admin made. */
  invites(): readonly { readonly entry: InviteEntry; readonly issuer: PeerId }[] {
    const closed = new Set(
      this.lists().flatMap(({ closedInvites }) => closedInvites.map(({ key }) => key.toString())),
    )
    return this.lists()
      .filter(({ issuer }) => this.#revocationByOwner(issuer) === undefined)
      .flatMap(({ issuer, invites }) =>
        invites
          .filter(({ role }) => role !== 'admin' || this.isOwner(issuer))
          .filter(({ key }) => !closed.has(key.toString()))
          .map((entry) => ({ entry, issuer })),
      )
  }

  #index(): Indexed {
    if (this.#indexed !== undefined) return this.#indexed
    const certificates = this.#certificates()
    const byOwner = this.listOf(this.owner)?.certificates ?? []
    const admins = byOwner.filter(({ role }) => role === 'admin')
    this.#indexed = {
      best: bestOf(certificates),
      joins: joinsOf(certificates),
      admins: new Set(admins.map(({ member }) => member.toString())),
    }
    return this.#indexed
  }

  #certificates(): readonly Certificate[] {
    return this.lists().flatMap(({ issuer, certificates }) =>
      certificates.filter(({ role }) => role !== 'admin' || this.isOwner(issuer)),
    )
  }

  /** Whether the issuer of a list is the owner, or an admin that the owner made and has not revoked. */
  #mayIssue(list: MemberList): boolean {
    if (this.isOwner(list.issuer)) return true
    const { issuerCertificate: certificate } = list
    if (certificate === undefined || !this.#isAdminCertificate(certificate, list.issuer))
      return false
    const revocation = this.#revocationByOwner(list.issuer)
    return revocation === undefined || isPinned(revocation, list)
  }

  #isAdminCertificate(certificate: Certificate, member: PeerId): boolean {
    return (
      certificate.role === 'admin' &&
      certificate.member.equals(member) &&
      this.isOwner(certificate.issuer) &&
      equals(certificate.swarmId, this.swarmId)
    )
  }

  #isIssued(certificate: Certificate, nowMs: number, presented: Certificate | undefined): boolean {
    const { issuer, role } = certificate
    if (this.isOwner(issuer)) return true
    if (role === 'admin') return false
    const list = this.listOf(issuer)
    const admin = presented ?? list?.issuerCertificate
    if (admin === undefined || !this.#isAdminCertificate(admin, issuer)) return false
    if (this.#revocationByOwner(issuer) === undefined) return inTime(admin, nowMs).isMember
    // Signed before the revocation, as the list that the owner names has it.
    return list?.certificates.some(({ bytes }) => equals(bytes, certificate.bytes)) === true
  }

  #revocationByOwner(member: PeerId): Revocation | undefined {
    return this.#revocations.get(this.owner.toString())?.get(member.toString())
  }

  /** @returns whether it has a revocation that was not known */
  #remember(list: MemberList): boolean {
    const { issuer, revocations } = list
    const key = issuer.toString()
    const rotation = newerRotation(this.#rotations.get(key), list)
    if (rotation !== undefined) this.#rotations.set(key, rotation)
    const known = this.#revocations.get(key) ?? new Map<string, Revocation>()
    const before = known.size
    for (const revocation of revocations) {
      const member = revocation.member.toString()
      if (!known.has(member) && known.size < LIMITS.maxRevocations) known.set(member, revocation)
    }
    this.#revocations.set(key, known)
    return known.size > before
  }

  /** Of each admin that the owner has revoked, keeps the list that the owner names, and no other. */
  #dropVoidLists(): void {
    for (const list of this.lists()) {
      const revocation = this.#revocationByOwner(list.issuer)
      if (revocation === undefined) continue
      const key = list.issuer.toString()
      this.#revocations.delete(key)
      this.#rotations.delete(key)
      if (isPinned(revocation, list)) this.#remember(list)
      else this.#lists.delete(key)
    }
  }

  /** Two admins that could not reach each other may both have let a member join: the first ones stay. */
  #isOverused(certificate: Certificate): boolean {
    const { invite, member, joinedAtMs } = certificate
    if (invite === undefined) return false
    const joins = this.#index().joins.get(invite.key.toString()) ?? NO_JOINS
    const listed = joins.byMember.get(member.toString())?.joinedAtMs ?? joinedAtMs
    const join = { member, joinedAtMs: Math.min(joinedAtMs, listed) }
    return isAfter(join, invite.uses, joins)
  }
}

/** A number far ahead of the time of a later list was given by a clock that was wrong. */
function newerRotation(
  known: Rotation | undefined,
  { rotation, issuedAtMs }: MemberList,
): Rotation | undefined {
  if (known === undefined || rotation === undefined) return rotation ?? known
  const isSound = known.number <= issuedAtMs + MEMBERSHIP.startToleranceMs
  return isSound && known.number >= rotation.number ? known : rotation
}

/** SHA-256 by which a revocation names a list. */
export function digestOf({ bytes }: Pick<MemberList, 'bytes'>): Uint8Array {
  return createHash('sha256').update(bytes).digest()
}

function isPinned({ lastList }: Revocation, list: MemberList): boolean {
  return lastList !== undefined && equals(lastList, digestOf(list))
}
