import { beforeEach, describe, expect, it, vi } from 'vitest'
import {
  decodeMemberInvite,
  type Host,
  rejoinSwarm,
  revokeMember,
  rotateSwarmKey,
} from '../../host/index.ts'
import { addressesOf } from './host-peers.ts'
import { inviteTo, joinWith, newSwarm, openMembership, startMember } from './member-peers.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const HOUR_MS = 3_600_000
const PING = '/ipfs/ping/1.0.0'

/** The directory of the first admin, and its host. */
let office: string
let admin: Host

beforeEach(async () => {
  office = await newSwarm()
  admin = await startMember(office)
})

const join = async (name: string): Promise<string> =>
  await joinWith(await inviteTo(office, admin, { name }))

const rotate = async (overlapMs: number): Promise<void> => {
  await rotateSwarmKey(await openMembership(office), { nowMs: Date.now(), overlapMs })
}

/** Connects, and proves the membership on both sides. */
async function meet(one: Host, other: Host): Promise<void> {
  await one.connect(addressesOf(other)[0] ?? '')
  const stream = await one.libp2p.dialProtocol(other.peerId, PING)
  stream.abort(new Error('it was only a trial'))
}

/** The number of the newest key on disk. */
const keyOf = async (directory: string): Promise<number> =>
  (await openMembership(directory)).keys.current.number

const untilSame = async (directory: string): Promise<void> => {
  await expect.poll(() => keyOf(directory), { timeout: 30_000 }).toBe(await keyOf(office))
}

/** Connections that were opened to a host from now on, whatever followed. */
function opened(host: Host): { count: number } {
  const seen = { count: 0 }
  host.libp2p.addEventListener('connection:open', () => {
    seen.count += 1
  })
  return seen
}

describe('the rotation of the pre-shared key', () => {
  it('reaches connected members, and a revoked one cannot even connect afterwards', async () => {
    const [studioDir, laptopDir] = [await join('studio'), await join('laptop')]
    const studio = await startMember(studioDir)
    const laptop = await startMember(laptopDir)
    await meet(studio, admin)
    await meet(laptop, studio)
    const thief = await join('thief')
    await revokeMember(await openMembership(office), 'thief', { nowMs: Date.now() })
    const stranger = await startMember(thief)
    const before = opened(admin)
    await stranger.connect(addressesOf(admin)[0] ?? '').catch(() => undefined)
    // The control: with the old key it is refused only once it is connected.
    await expect.poll(() => before.count, { timeout: 30_000 }).toBeGreaterThan(0)

    await rotate(0)
    // The laptop gets it from the studio: it is not connected to an issuer.
    await untilSame(studioDir)
    await untilSame(laptopDir)
    const after = opened(admin)
    await expect(stranger.connect(addressesOf(admin)[0] ?? '')).rejects.toThrow()
    expect(after.count).toBe(0)
    expect(await keyOf(thief)).toBe(0)
    await meet(laptop, admin)
    // A machine that joins now has the new key only, and others reach it.
    const phone = await startMember(await join('phone'))
    await meet(laptop, phone)
  })

  it('survives restarts of either side, also in its middle', async () => {
    const studioDir = await join('studio')
    await rotate(HOUR_MS)
    await admin[Symbol.asyncDispose]()
    // Off during the rotation, it comes back with the old key.
    const studio = await startMember(studioDir)
    const restarted = await startMember(office)
    await meet(studio, restarted)
    await untilSame(studioDir)
    await studio[Symbol.asyncDispose]()
    const later = { now: () => Date.now() + 2 * HOUR_MS }
    await restarted[Symbol.asyncDispose]()
    await meet(await startMember(studioDir, later), await startMember(office, later))
  })

  it('shuts out a member that was off until the deadline, which a new invite brings back', async () => {
    const laptopDir = await join('laptop')
    await rotate(HOUR_MS)
    await admin[Symbol.asyncDispose]()
    const later = { now: () => Date.now() + 2 * HOUR_MS }
    const restarted = await startMember(office, later)
    const laptop = await startMember(laptopDir, later)
    await expect(laptop.connect(addressesOf(restarted)[0] ?? '')).rejects.toThrow()
    await laptop[Symbol.asyncDispose]()
    const invite = decodeMemberInvite(await inviteTo(office, restarted, { name: 'back' }))
    expect(await rejoinSwarm(laptopDir, invite)).toMatchObject({ name: 'laptop' })
    expect(await rejoinSwarm(laptopDir, invite)).toBeUndefined()
    await meet(await startMember(laptopDir, later), restarted)
  })

  it('is made by admins only, within bounds', async () => {
    const studio = await openMembership(await join('studio'))
    await expect(rotateSwarmKey(studio, { nowMs: Date.now() })).rejects.toMatchObject({
      code: 'unauthorized',
    })
    await expect(rotate(31 * 24 * HOUR_MS)).rejects.toMatchObject({ code: 'invalid_request' })
  })
})
