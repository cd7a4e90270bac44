import { describe, expect, it } from 'vitest'
import { digestOf } from '../../../../host/members/roster.ts'
import type { Certificate } from '../../../../protocol/index.ts'
import { DAY_MS, NOW_MS, newParty, newScene, type Party, type Scene } from './list-maker.ts'

const MEMBER = { isMember: true }
const refused = (reason: string) => ({ isMember: false, reason })

/** A scene with an admin in the owner's first list. */
async function withAdmin(): Promise<
  Scene & { readonly admin: Party; readonly adminCertificate: Certificate }
> {
  const scene = await newScene()
  const admin = await newParty()
  const adminCertificate = await scene.certify(scene.owner, admin, { role: 'admin' })
  scene.roster.take(await scene.list(scene.owner, 1, { certificates: [adminCertificate] }))
  return { ...scene, admin, adminCertificate }
}

describe('a certificate', () => {
  it('counts by the owner, and by an admin that the owner made', async () => {
    const { roster, owner, admin, adminCertificate, certify } = await withAdmin()
    const member = await newParty()
    expect(roster.standingOf(await certify(owner, member), NOW_MS)).toEqual(MEMBER)
    const byAdmin = await certify(admin, member)
    expect(roster.standingOf(byAdmin, NOW_MS, adminCertificate)).toEqual(MEMBER)
    expect(roster.standingOf(byAdmin, NOW_MS)).toEqual(refused('not_a_member'))
  })

  it.each(['client', 'node'] as const)(
    'is void by a %s, who issues one to a friend',
    async (role) => {
      const { roster, owner, certify } = await newScene()
      const [member, friend] = [await newParty(), await newParty()]
      const own = await certify(owner, member, { role })
      const forged = await certify(member, friend)
      expect(roster.standingOf(forged, NOW_MS, own)).toEqual(refused('not_a_member'))
    },
  )

  it('makes no admin unless the owner signed it', async () => {
    const { roster, admin, adminCertificate, certify, list } = await withAdmin()
    const friend = await newParty()
    const made = await certify(admin, friend, { role: 'admin' })
    expect(roster.standingOf(made, NOW_MS, adminCertificate)).toEqual(refused('not_a_member'))
    expect(roster.take(await list(friend, 1, { issuerCertificate: made }))).toBe('void')
  })

  it('of another swarm is void', async () => {
    const { roster } = await newScene()
    const other = await newScene()
    const foreign = await other.certify(other.owner, await newParty())
    expect(roster.standingOf(foreign, NOW_MS)).toEqual(refused('not_a_member'))
  })

  it.each([
    ['a day before its beginning', -DAY_MS, MEMBER],
    ['three days before its beginning', -3 * DAY_MS, refused('not_yet_valid')],
    ['four minutes after its end', 30 * DAY_MS + 240_000, MEMBER],
    ['a day after its end', 31 * DAY_MS, refused('expired')],
  ])('%s', async (_, offsetMs, standing) => {
    const { roster, owner, certify } = await newScene()
    const certificate = await certify(owner, await newParty())
    expect(roster.standingOf(certificate, NOW_MS + offsetMs)).toEqual(standing)
  })
})

describe('a list', () => {
  it('is not replaced by an older one, nor by another of the same number', async () => {
    const { roster, owner, list } = await newScene()
    const member = await newParty()
    const revocations = [{ member: member.id, revokedAtMs: NOW_MS }]
    expect(roster.take(await list(owner, 2, { revocations }))).toBe('new')
    expect(roster.take(await list(owner, 1))).toBe('known')
    expect(roster.take(await list(owner, 2))).toBe('known')
    expect(roster.isRevoked(member.id)).toBe(true)
  })

  it('by a stranger is void', async () => {
    const { roster, list } = await newScene()
    expect(roster.take(await list(await newParty(), 1))).toBe('void')
  })

  it('by an admin revokes members, but no admins', async () => {
    const { roster, owner, admin, adminCertificate, certify, list } = await withAdmin()
    const [member, second] = [await newParty(), await newParty()]
    const certificates = [adminCertificate, await certify(owner, second, { role: 'admin' })]
    roster.take(await list(owner, 2, { certificates }))
    const revocations = [member, second].map(({ id }) => ({ member: id, revokedAtMs: NOW_MS }))
    roster.take(await list(admin, 1, { issuerCertificate: adminCertificate, revocations }))
    expect(roster.isRevoked(member.id)).toBe(true)
    expect(roster.isRevoked(second.id)).toBe(false)
  })

  it('keeps the revocations of earlier lists of the same issuer', async () => {
    const { roster, owner, list } = await newScene()
    const member = await newParty()
    const revocations = [{ member: member.id, revokedAtMs: NOW_MS }]
    const first = await list(owner, 1, { revocations })
    // By a second machine with the owner's key, which did not know the first list.
    const second = await list(owner, 2)
    roster.take(second)
    expect(roster.take(first)).toBe('new')
    expect(roster.take(first)).toBe('known')
    expect(roster.isRevoked(member.id)).toBe(true)
    expect(roster.revocationsBy(owner.id)).toHaveLength(1)
  })

  it('that counts is sent to a peer that has a later, void one of a revoked admin', async () => {
    const { roster, owner, admin, adminCertificate, list } = await withAdmin()
    const kept = await list(admin, 1, { issuerCertificate: adminCertificate })
    roster.take(kept)
    const revocation = { member: admin.id, revokedAtMs: NOW_MS, lastList: digestOf(kept) }
    const certificates = [adminCertificate]
    roster.take(await list(owner, 2, { certificates, revocations: [revocation] }))
    const peer = [
      { issuer: owner.id, number: 1 },
      { issuer: admin.id, number: 5 },
    ]
    expect(roster.missing(peer).map(({ issuer }) => issuer)).toEqual([owner.id, admin.id])
    expect(roster.missing(roster.heads())).toEqual([])
  })

  it('merges to the same whatever the order', async () => {
    const { owner, admin, adminCertificate, certify, list, newRoster } = await withAdmin()
    const members = await Promise.all([newParty(), newParty()])
    const [first, second] = await Promise.all(members.map((member) => certify(admin, member)))
    if (first === undefined || second === undefined) throw new Error('two members')
    const kept = await list(admin, 1, {
      issuerCertificate: adminCertificate,
      certificates: [first],
    })
    const later = await list(admin, 2, {
      issuerCertificate: adminCertificate,
      certificates: [first, second],
    })
    const revocation = { member: admin.id, revokedAtMs: NOW_MS, lastList: digestOf(kept) }
    const end = await list(owner, 2, {
      certificates: [adminCertificate],
      revocations: [revocation],
    })
    for (const order of [
      // It is sent again: see the test above.
      [kept, later, end, kept],
      [end, later, kept],
      [later, end, kept],
      [end, kept],
    ]) {
      const roster = newRoster()
      for (const each of order) roster.take(each)
      expect(roster.standingOf(first, NOW_MS)).toEqual(MEMBER)
      expect(roster.standingOf(second, NOW_MS, adminCertificate)).toEqual(refused('not_a_member'))
      expect(
        roster
          .heads()
          .map(({ number }) => number)
          .toSorted(),
      ).toEqual([1, 2])
    }
  })
})

describe('a revoked admin', () => {
  it('signs nothing that counts, whatever its date', async () => {
    const { roster, owner, admin, adminCertificate, certify, list } = await withAdmin()
    const [before, backdated] = [await newParty(), await newParty()]
    const signedBefore = await certify(admin, before)
    const lastList = await list(admin, 1, {
      issuerCertificate: adminCertificate,
      certificates: [signedBefore],
    })
    roster.take(lastList)
    roster.take(
      await list(owner, 2, {
        certificates: [adminCertificate],
        revocations: [{ member: admin.id, revokedAtMs: NOW_MS, lastList: digestOf(lastList) }],
      }),
    )
    const forged = await certify(admin, backdated, { notBeforeMs: NOW_MS - DAY_MS })
    expect(roster.standingOf(signedBefore, NOW_MS)).toEqual(MEMBER)
    expect(roster.standingOf(forged, NOW_MS, adminCertificate)).toEqual(refused('not_a_member'))
    const revocations = [{ member: before.id, revokedAtMs: NOW_MS - DAY_MS }]
    const late = await list(admin, 9, { issuerCertificate: adminCertificate, revocations })
    expect(roster.take(late)).toBe('void')
    expect(roster.isRevoked(before.id)).toBe(false)
    expect(roster.standingOf(adminCertificate, NOW_MS)).toEqual(refused('revoked'))
  })

  it('has issued nothing if the owner names no list of it', async () => {
    const { roster, owner, admin, adminCertificate, certify, list } = await withAdmin()
    const certificate = await certify(admin, await newParty())
    roster.take(
      await list(admin, 1, { issuerCertificate: adminCertificate, certificates: [certificate] }),
    )
    const revocations = [{ member: admin.id, revokedAtMs: NOW_MS }]
    roster.take(await list(owner, 2, { certificates: [adminCertificate], revocations }))
    expect(roster.standingOf(certificate, NOW_MS, adminCertificate)).toEqual(
      refused('not_a_member'),
    )
  })
})

describe('a certificate that lasts longer than any', () => {
  it('is void', async () => {
    const { roster, owner, certify } = await newScene()
    const endless = await certify(owner, await newParty(), { expiresAtMs: NOW_MS + 31 * DAY_MS })
    expect(roster.standingOf(endless, NOW_MS)).toEqual(refused('not_a_member'))
  })
})

describe('the invites of a revoked admin', () => {
  it('are worth nothing', async () => {
    const { roster, owner, admin, adminCertificate, list } = await withAdmin()
    const { id: key } = await newParty()
    const invites = [
      { key, name: 'friend', role: 'node' as const, uses: 9, expiresAtMs: NOW_MS + DAY_MS },
    ]
    const lastList = await list(admin, 1, { issuerCertificate: adminCertificate, invites })
    roster.take(lastList)
    expect(roster.invite(key)).toBeDefined()
    const revocation = { member: admin.id, revokedAtMs: NOW_MS, lastList: digestOf(lastList) }
    const certificates = [adminCertificate]
    roster.take(await list(owner, 2, { certificates, revocations: [revocation] }))
    expect(roster.invite(key)).toBeUndefined()
  })
})

describe('an invite for one', () => {
  it('leaves the first of two members that two admins let in apart from each other', async () => {
    const { roster, owner, admin, adminCertificate, certify, list } = await withAdmin()
    const second = await newParty()
    const secondCertificate = await certify(owner, second, { role: 'admin' })
    const certificates = [adminCertificate, secondCertificate]
    roster.take(await list(owner, 2, { certificates }))
    const invite = { key: (await newParty()).id, uses: 1 }
    const early = await certify(admin, await newParty(), { invite })
    const late = await certify(second, await newParty(), { invite, joinedAtMs: NOW_MS + 1 })
    expect(roster.standingOf(late, NOW_MS, secondCertificate)).toEqual(MEMBER)
    roster.take(
      await list(second, 1, { issuerCertificate: secondCertificate, certificates: [late] }),
    )
    roster.take(
      await list(admin, 1, { issuerCertificate: adminCertificate, certificates: [early] }),
    )
    expect(roster.standingOf(early, NOW_MS)).toEqual(MEMBER)
    expect(roster.standingOf(late, NOW_MS)).toEqual(refused('invite_used'))
  })
})
