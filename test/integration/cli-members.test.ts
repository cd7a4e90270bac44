import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSandbox, LOOPBACK, type Sandbox } from '../../testing/cli/index.ts'

// Whole processes on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** Two machines: each has directories of its own. */
let office: Sandbox
let studio: Sandbox

beforeAll(async () => {
  office = await createSandbox()
  studio = await createSandbox()
})

afterAll(async () => {
  await office.close()
  await studio.close()
})

describe('a swarm with members on the command line', () => {
  it('is created, joined with one string, listed, and left by revocation', async () => {
    const created = await office.runHere(['swarm', 'create', 'acme', '--machine', 'office'])
    expect(created.stderr).toBe('')
    expect(created.stdout).toContain('first admin')
    const running = office.start(['bootstrap', '--json', ...LOOPBACK])
    const { peerId } = await running.event('ready')
    // Commands find it by its report, which is written a moment later.
    await expect
      .poll(async () => (await office.runHere(['status', '--json'])).stdout, { timeout: 30_000 })
      .toContain(peerId)
    const made = await office.runHere(['swarm', 'invite', '--name', 'studio-mac', '--json'])
    const [{ invite = '' } = {}] = made.events()
    expect(invite).toMatch(/^skein2[1-9A-Za-z]+$/)

    const joined = await studio.runHere(['join', invite, '--json'])
    expect(joined.events()).toEqual([
      expect.objectContaining({ event: 'joined', swarm: 'acme', name: 'studio-mac', role: 'node' }),
    ])
    const refused = await studio.runHere(['swarm', 'revoke', 'office'])
    expect(refused.exitCode).toBe(2)
    expect(refused.stderr).toContain("only the owner's key makes admins and takes them out")

    const revoked = await office.runHere(['swarm', 'revoke', 'studio-mac', '--json'])
    expect(revoked.events()).toEqual([
      expect.objectContaining({
        event: 'revoked',
        members: [expect.objectContaining({ name: 'studio-mac' })],
      }),
    ])
    const listed = await office.runHere(['swarm', 'members'])
    expect(listed.stdout).toMatch(/office \(this machine\) +admin +member/)
    expect(listed.stdout).toMatch(/studio-mac +node +revoked/)
    const left = await studio.runHere(['swarm', 'leave', 'acme'])
    expect(left.exitCode).toBe(0)
    const without = await studio.runHere(['swarm', 'members'])
    expect(without.exitCode).toBe(2)
    expect(without.stderr).toContain('this machine is in no swarm with members')
  })
})
