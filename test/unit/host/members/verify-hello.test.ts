import { describe, expect, it, vi } from 'vitest'
import { verifyHello } from '../../../../host/members/verify-hello.ts'
import { type MemberHello, sealBadge } from '../../../../protocol/index.ts'
import { DAY_MS, NOW_MS, newParty, newScene, type Party, type Scene } from './list-maker.ts'

const now = (): number => NOW_MS

/** The hello of a member's process. */
async function helloOf(
  { owner, roster, certify }: Scene,
  member: Party,
  process: Party,
  signer: Party = member,
): Promise<MemberHello> {
  const { swarmId } = roster
  return {
    ...{ swarmId, nowMs: NOW_MS, keyNumber: 0, heads: [], issuerCertificate: new Uint8Array() },
    certificate: (await certify(owner, member)).bytes,
    badge: await sealBadge({ swarmId, peer: process.id }, signer.key),
  }
}

describe('a hello', () => {
  it('proves a member by its badge and certificate', async () => {
    const scene = await newScene()
    const [member, process] = [await newParty(), await newParty()]
    const verified = await verifyHello(
      scene.roster,
      process.id,
      await helloOf(scene, member, process),
      now,
    )
    expect(verified).toMatchObject({ member: { certificate: { name: 'm', role: 'node' } } })
  })

  it('proves nothing over a connection of another peer', async () => {
    const scene = await newScene()
    const [member, process, thief] = [await newParty(), await newParty(), await newParty()]
    const copied = await helloOf(scene, member, process)
    const forged = await helloOf(scene, member, thief, thief)
    for (const hello of [copied, forged]) {
      const verified = await verifyHello(scene.roster, thief.id, hello, now)
      expect(verified).toEqual({ refused: 'not_a_member' })
    }
  })

  it('of another swarm proves nothing in this one', async () => {
    const [scene, other] = [await newScene(), await newScene()]
    const [member, process] = [await newParty(), await newParty()]
    const hello = await helloOf(other, member, process)
    expect(await verifyHello(scene.roster, process.id, hello, now)).toEqual({
      refused: 'not_a_member',
    })
    const relabelled = { ...hello, swarmId: scene.roster.swarmId }
    expect(await verifyHello(scene.roster, process.id, relabelled, now)).toEqual({
      refused: 'not_a_member',
    })
  })

  it('is one reading of the clock of its peer', async () => {
    const scene = await newScene()
    const [member, process] = [await newParty(), await newParty()]
    const hello = await helloOf(scene, member, process)
    const renewed = await scene.certify(scene.owner, member)
    scene.roster.take(await scene.list(scene.owner, 1, { certificates: [renewed] }))
    const read = vi.fn(now)
    await verifyHello(scene.roster, process.id, hello, read)
    expect(read).toHaveBeenCalledTimes(1)
  })

  it('with an old certificate counts by a renewed one in the lists', async () => {
    const scene = await newScene()
    const [member, process] = [await newParty(), await newParty()]
    const hello = await helloOf(scene, member, process)
    const later = (): number => NOW_MS + 40 * DAY_MS
    expect(await verifyHello(scene.roster, process.id, hello, later)).toEqual({
      refused: 'expired',
    })
    const renewed = await scene.certify(scene.owner, member, {
      ...{ notBeforeMs: later() - DAY_MS, expiresAtMs: later() + DAY_MS },
    })
    scene.roster.take(await scene.list(scene.owner, 1, { certificates: [renewed] }))
    expect(await verifyHello(scene.roster, process.id, hello, later)).toMatchObject({
      member: { certificate: { expiresAtMs: later() + DAY_MS } },
    })
  })
})
