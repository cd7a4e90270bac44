import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createSwarm } from '../../../../host/members/create-swarm.ts'
import { decodeMemberInvite, encodeMemberInvite } from '../../../../host/members/member-invite.ts'
import { newParty } from './list-maker.ts'

const GOOD = ['a', 'acme', 'Acme-2.lab_x', '-', '_', 'a..b', 'currently', 'x'.repeat(63)]
const BAD = ['', '.', '..', '.hidden', '../acme', 'a/b', 'a\\b', 'a b', 'ä', 'a\n', 'x'.repeat(64)]
/** Words with a meaning of their own; disks that ignore case take both for one. */
const TAKEN = ['current', 'Current', 'none', 'None', 'auto', 'AUTO']

async function inviteTo(swarm: string): Promise<string> {
  const { id: owner } = await newParty()
  const [secret, joinSecret] = [new Uint8Array(32), new Uint8Array(16)]
  return encodeMemberInvite({ swarm, owner, secret, joinSecret, addresses: [] })
}

it.each(GOOD)('an invite may name its swarm %j', async (name) => {
  expect(decodeMemberInvite(await inviteTo(name)).swarm).toBe(name)
})

it.each([...BAD, ...TAKEN])('an invite may not name its swarm %j', async (name) => {
  const text = await inviteTo(name)
  expect(() => decodeMemberInvite(text)).toThrow('it names no swarm')
})

it.each([...BAD, ...TAKEN])('no swarm is created with the name %j', async (name) => {
  const home = await mkdtemp(join(tmpdir(), 'skein-swarm-name-'))
  const directory = join(home, 'new')
  try {
    await expect(createSwarm(directory, { name, memberName: 'office' })).rejects.toMatchObject({
      code: 'invalid_request',
      details: { param: 'name' },
    })
    await expect(access(directory)).rejects.toThrow('ENOENT')
  } finally {
    await rm(home, { recursive: true, force: true })
  }
})
