import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { admit, renew } from '../../../../host/members/admit.ts'
import { createSwarm } from '../../../../host/members/create-swarm.ts'
import { inviteMember, promoteMember, revokeMember } from '../../../../host/members/manage.ts'
import { decodeMemberInvite, inviteKey } from '../../../../host/members/member-invite.ts'
import { Membership } from '../../../../host/members/membership.ts'
import { repairLists } from '../../../../host/members/repair-lists.ts'
import { rotateSwarmKey } from '../../../../host/members/rotate.ts'
import { readOwnerKey, swarmPaths } from '../../../../host/members/swarm-files.ts'
import {
  type JoinRequest,
  type MemberList,
  openCertificate,
  sealMemberList,
  secretDigest,
  signJoin,
} from '../../../../protocol/index.ts'
import { DAY_MS, NOW_MS, newParty, type Party } from './list-maker.ts'

let home: string
let directory: string
let membership: Membership

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'skein-members-'))
  directory = join(home, 'acme')
  await createSwarm(directory, { name: 'acme', memberName: 'office', nowMs: NOW_MS })
  membership = await Membership.open(directory)
})

afterEach(async () => {
  await rm(home, { recursive: true, force: true })
})

const at = { nowMs: NOW_MS }

const invite = async (name: string, uses = 1, of = membership): Promise<string> => {
  const expiresAtMs = NOW_MS + DAY_MS
  return await inviteMember(of, { name, role: 'node', uses, expiresAtMs, addresses: [] }, at)
}

/** What a machine with this invite asks. */
async function requestOf(text: string, { id: member }: Party): Promise<JoinRequest> {
  const key = await inviteKey(decodeMemberInvite(text).joinSecret)
  const { swarmId } = membership
  const signature = await signJoin({ swarmId, member }, key)
  return { swarmId, member, invite: peerIdFromPrivateKey(key), signature, passedOn: false }
}

describe('an invite', () => {
  it('gives the same machine its certificate again when an answer was lost', async () => {
    const text = await invite('studio')
    const request = await requestOf(text, await newParty())
    const first = await admit(membership, request, {}, NOW_MS)
    expect(await admit(membership, request, {}, NOW_MS)).toEqual(first)
    const other = await requestOf(text, await newParty())
    expect(await admit(membership, other, {}, NOW_MS)).toEqual({ refused: 'invite_used' })
  })

  it('has an end', async () => {
    const request = await requestOf(await invite('studio'), await newParty())
    const late = await admit(membership, request, {}, NOW_MS + 2 * DAY_MS)
    expect(late).toEqual({ refused: 'invite_expired' })
  })

  it('is closed with the revocation of a machine that joined with it', async () => {
    const text = await invite('lab', 5)
    const machine = await newParty()
    await admit(membership, await requestOf(text, machine), {}, NOW_MS)
    await revokeMember(membership, machine.id.toString(), at)
    const again = await requestOf(text, await newParty())
    expect(await admit(membership, again, {}, NOW_MS)).toEqual({ refused: 'invite_unknown' })
  })

  it('needs a name that no other member has', async () => {
    await invite('studio')
    await expect(invite('studio')).rejects.toThrow('choose another')
    await expect(invite('office')).rejects.toThrow('choose another')
  })
})

describe('the files of a membership', () => {
  it('are shared by processes, and keep what one of them changed', async () => {
    const other = await Membership.open(directory)
    await invite('first')
    await invite('second', 1, other)
    await membership.refresh()
    const names = membership.roster.invites().map(({ entry }) => entry.name)
    expect(names).toEqual(['first', 'second'])
    const reopened = await Membership.open(directory)
    expect(reopened.roster.heads()).toEqual(membership.roster.heads())
  })
})

describe('a certificate', () => {
  it('is renewed after a third of its lifetime, unless it was revoked', async () => {
    const machine = await newParty()
    await admit(membership, await requestOf(await invite('studio'), machine), {}, NOW_MS)
    const certificate = membership.roster.certificateOf(machine.id)
    if (certificate === undefined) throw new Error('not a member')
    const bytesAt = async (nowMs: number) =>
      (await renew(membership, certificate, {}, nowMs))?.certificate
    expect(await bytesAt(NOW_MS + 9 * DAY_MS)).toEqual(certificate.bytes)
    const renewed = await bytesAt(NOW_MS + 11 * DAY_MS)
    expect(renewed).not.toEqual(certificate.bytes)
    const now = membership.roster.certificateOf(machine.id)
    expect(now).toMatchObject({ name: 'studio', joinedAtMs: NOW_MS, bytes: renewed })
    expect(now?.expiresAtMs).toBe(NOW_MS + 41 * DAY_MS)
  })
})

describe('an admin', () => {
  it("is made, and taken out, with the owner's key only", async () => {
    const machine = await newParty()
    await admit(membership, await requestOf(await invite('studio'), machine), {}, NOW_MS)
    await expect(promoteMember(membership, 'studio', at)).rejects.toThrow("only the owner's key")
    const ownerKey = await readOwnerKey(directory)
    await promoteMember(membership, 'studio', { ...at, ownerKey })
    expect(membership.roster.certificateOf(machine.id)?.role).toBe('admin')
    await expect(revokeMember(membership, 'studio', at)).rejects.toThrow("only the owner's key")
    await revokeMember(membership, 'studio', { ...at, ownerKey })
    expect(membership.roster.isRevoked(machine.id)).toBe(true)
  })
})

describe('a machine whose key was stolen', () => {
  it('comes back with another key, and the stolen one stays out', async () => {
    const [stolen, fresh] = [await newParty(), await newParty()]
    await admit(membership, await requestOf(await invite('studio'), stolen), {}, NOW_MS)
    const ownerKey = await readOwnerKey(directory)
    await promoteMember(membership, 'studio', { ...at, ownerKey })
    await revokeMember(membership, 'studio', { ...at, ownerKey, isVoid: true })
    await rotateSwarmKey(membership, at)
    await admit(membership, await requestOf(await invite('studio-2'), fresh), {}, NOW_MS)
    await promoteMember(membership, 'studio-2', { ...at, ownerKey })
    expect(membership.roster.certificateOf(fresh.id)?.role).toBe('admin')
    expect(membership.roster.isRevoked(fresh.id)).toBe(false)
    expect(membership.roster.isRevoked(stolen.id)).toBe(true)
  })
})

describe("the loss of the owner's key", () => {
  it('stops neither invites, renewals nor revocations, nor a new pre-shared key', async () => {
    await rm(swarmPaths(directory).ownerKey)
    const later = { nowMs: NOW_MS + 300 * DAY_MS }
    const admin = await Membership.open(directory, { now: () => later.nowMs })
    expect(await readOwnerKey(directory)).toBeUndefined()
    const init = { name: 'studio', role: 'node', uses: 1, addresses: [] } as const
    const text = await inviteMember(admin, { ...init, expiresAtMs: later.nowMs + DAY_MS }, later)
    const admitted = await admit(admin, await requestOf(text, await newParty()), {}, later.nowMs)
    if (!('admission' in admitted)) throw new Error('not admitted')
    const certificate = await openCertificate(admitted.admission.certificate)
    expect(await renew(admin, certificate, {}, later.nowMs + 20 * DAY_MS)).toBeDefined()
    await rotateSwarmKey(admin, { nowMs: later.nowMs })
    expect((await revokeMember(admin, 'studio', later)).members).toHaveLength(1)
    await expect(promoteMember(admin, 'office', later)).rejects.toMatchObject({
      code: 'unauthorized',
    })
  })
})

describe('a rotation whose number is far ahead', () => {
  it('does not keep later ones from counting', async () => {
    const admin = await Membership.open(directory, { now: () => NOW_MS })
    const ownerKey = await readOwnerKey(directory)
    if (ownerKey === undefined) throw new Error('no key')
    const last = admin.roster.lists()[0]
    const digest = await secretDigest(new Uint8Array(32).fill(9))
    const number = NOW_MS + 3 * DAY_MS
    const rotation = { number, digest, oldUntilMs: NOW_MS, heads: [] }
    const { issuerCertificate: _, ...list } = { ...last, swarmId: admin.swarmId } as MemberList
    await admin.take([await sealMemberList({ ...list, number, rotation }, ownerKey)])
    expect(admin.roster.rotations()).toHaveLength(1)
    expect(admin.keys.rotations()).toEqual([])
    const made = await rotateSwarmKey(admin, { nowMs: NOW_MS })
    expect(made.number).toBe(NOW_MS)
    expect(admin.keys.current.number).toBe(NOW_MS)
  })
})

/** A directory in the place of the file that is written before it is renamed. */
async function cannotWrite(path: string): Promise<AsyncDisposable> {
  const blocked = `${path}.${process.pid}.tmp`
  await mkdir(blocked)
  return { [Symbol.asyncDispose]: () => rm(blocked, { recursive: true }) }
}

describe('a rotation', () => {
  it.each(['admission', 'keys'] as const)(
    'that ends before its %s is written leaves the key as it was, and can be made again',
    async (file) => {
      const now = { now: () => NOW_MS }
      {
        await using _full = await cannotWrite(swarmPaths(directory)[file])
        using admin = await Membership.open(directory, now)
        await expect(rotateSwarmKey(admin, { nowMs: NOW_MS, overlapMs: 0 })).rejects.toThrow()
      }
      using admin = await Membership.open(directory, now)
      expect(admin.keys.current.number).toBe(0)
      expect(admin.keys.secrets(NOW_MS + 30 * DAY_MS)).toEqual([membership.secret])
      const { number } = await rotateSwarmKey(admin, { nowMs: NOW_MS })
      expect(admin.keys.keyFor(0)).toMatchObject({ number })
    },
  )

  it('of a clock a year ahead does not keep the admin from making and taking others', async () => {
    const ahead = NOW_MS + 365 * DAY_MS
    {
      using wrong = await Membership.open(directory, { now: () => ahead })
      await rotateSwarmKey(wrong, { nowMs: ahead })
    }
    using admin = await Membership.open(directory, { now: () => NOW_MS })
    expect(admin.keys.number(NOW_MS)).toBe(0)
    const { number } = await rotateSwarmKey(admin, { nowMs: NOW_MS })
    expect(number).toBe(NOW_MS)
    expect(admin.keys.current.number).toBe(NOW_MS)
    expect(admin.keys.keyFor(0)).toMatchObject({ number })
  })

  it('stays when a machine with the same key makes a later list without it, and is published again', async () => {
    const copy = join(home, 'copy')
    await cp(directory, copy, { recursive: true })
    using admin = await Membership.open(directory, { now: () => NOW_MS })
    using clone = await Membership.open(copy, { now: () => NOW_MS })
    const { number } = await rotateSwarmKey(admin, { nowMs: NOW_MS })
    for (const name of ['phone', 'tablet']) await invite(name, 1, clone)
    await admin.take(clone.roster.lists().map(({ bytes }) => bytes))
    expect(admin.keys.keyFor(0)).toMatchObject({ number })
    expect(admin.roster.listOf(admin.member)?.rotation).toBeUndefined()
    const errors: unknown[] = []
    const onError = (_: string, error: unknown) => errors.push(error)
    repairLists({ membership: admin, ownerKey: undefined, wall: () => NOW_MS, onError })
    await admin.close()
    expect(admin.roster.listOf(admin.member)?.rotation?.number).toBe(number)
    expect(errors).toEqual([])
  })

  it('that is ahead of this machine’s clock is asked for again, and taken by the time of the peers', async () => {
    const copy = join(home, 'copy')
    await cp(directory, copy, { recursive: true })
    using admin = await Membership.open(directory, { now: () => NOW_MS })
    using late = await Membership.open(copy, { now: () => NOW_MS - 30 * DAY_MS })
    await rotateSwarmKey(admin, { nowMs: NOW_MS })
    const lists = admin.roster.lists().map(({ bytes }) => bytes)
    expect(await late.take(lists, admin.secret)).toBe(false)
    expect(await late.take([], admin.secret, NOW_MS)).toBe(true)
    expect(late.secret).toEqual(admin.secret)
  })

  it('is not undone by an invite that was made before it', async () => {
    using admin = await Membership.open(directory, { now: () => NOW_MS })
    const before = admin.secret
    await rotateSwarmKey(admin, { nowMs: NOW_MS, overlapMs: 0 })
    const after = Uint8Array.from(admin.secret)
    expect(await admin.takeInvited(before)).toBe(false)
    expect(await admin.takeInvited(new Uint8Array(32).fill(9))).toBe(true)
    using again = await Membership.open(directory, { now: () => NOW_MS })
    for (const each of [admin, again]) {
      expect(Uint8Array.from(each.secret)).toEqual(after)
      expect(each.keys.keyFor(0)).toBeDefined()
      expect(decodeMemberInvite(await invite(`x${each === admin}`, 1, each)).secret).toEqual(after)
    }
  })
})
