import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createSandbox, LOOPBACK, type Sandbox } from '../../testing/cli/index.ts'
import { commandBlocks } from '../../testing/marked-blocks.ts'

// Commands on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

const PAGE = new URL('../../docs/swarms.md', import.meta.url)

const machines = new Map<string, Sandbox>()
const machine = (name: string): Sandbox => {
  const found = machines.get(name)
  if (found === undefined) throw new Error(`the page names a third machine, ${name}`)
  return found
}

beforeAll(async () => {
  for (const name of ['first', 'other']) machines.set(name, await createSandbox())
})
afterAll(async () => {
  for (const sandbox of machines.values()) await sandbox.close()
})

async function skein(name: string, command: string): Promise<string> {
  const { home } = machine(name)
  const args = command
    .split(' ')
    .slice(1)
    .map((word) => (word.startsWith('./') ? join(home, word) : word))
  if (args[0] === 'bootstrap') {
    const running = machine(name).startHere([...args, '--json', ...LOOPBACK])
    const { peerId } = await running.event('ready')
    // Commands find it by its report, which is written a moment later.
    await expect
      .poll(async () => (await machine(name).runHere(['status', '--json'])).stdout, {
        timeout: 30_000,
      })
      .toContain(peerId)
    return ''
  }
  const { exitCode, stdout, stderr } = await machine(name).runHere(args)
  expect([exitCode, stderr], command).toEqual([0, ''])
  return stdout
}

it('machines move to a new swarm as docs/swarms.md says, with the keys of their gateways', async () => {
  await skein('first', 'skein swarm create acme --machine first --owner-key ./acme-owner.key')
  await skein('first', 'skein bootstrap')
  const old = /skein2\w+/.exec(await skein('first', 'skein swarm invite --name other'))?.[0]
  await skein('other', `skein join ${old}`)
  await skein('other', 'skein gateway key add anna')

  const blocks = commandBlocks(await readFile(PAGE, 'utf8')).filter(
    (one) => one.machines.length > 0,
  )
  let invite = ''
  let listed = ''
  for (const { machines: names, commands } of blocks) {
    for (const name of names) {
      for (const command of commands) {
        if (!command.startsWith('skein ')) {
          const { home } = machine(name)
          const env = { PATH: process.env['PATH'], XDG_DATA_HOME: join(home, 'data') }
          await promisify(execFile)('sh', ['-c', command], { cwd: home, env })
          continue
        }
        const printed = await skein(name, command.replace('skein2…', invite))
        invite = /skein2[1-9A-Za-z]+/.exec(printed)?.[0] ?? invite
        if (command === 'skein swarm members') listed = printed
      }
    }
  }
  expect(listed).toMatch(/first +admin +member/)
  expect(listed).toMatch(/other \(this machine\) +node +member/)
  expect(await skein('other', 'skein gateway key list')).toContain('anna')
  for (const { home } of machines.values()) {
    expect(existsSync(join(home, 'data/skein/swarms/acme-2/swarm.json'))).toBe(true)
    expect(existsSync(join(home, 'data/skein/swarms/acme'))).toBe(false)
  }
})
