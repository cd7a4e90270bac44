import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSandbox, LOOPBACK, type Sandbox } from './cli-process.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** Nobody’s: a peer id that is well formed. */
const STRANGER = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'
const NODES = 3

let sandbox: Sandbox
let address: string
let asked: string[]

beforeAll(async () => {
  sandbox = await createSandbox()
  address =
    (await sandbox.start(['bootstrap', '--json', ...LOOPBACK]).event('ready')).addresses[0] ?? ''
  const embedded = ['node', '--json', '--backend', 'embedded', '--bootstrap', address, ...LOOPBACK]
  for (let n = 0; n < NODES; n += 1) {
    const node = sandbox.start([...embedded, '--data-dir', join(sandbox.home, `node-${n}`)])
    await node.event('ready')
  }
  asked = ['ask', '--json', '--bootstrap', address, '--model', 'skein-tiny', '--temperature', '0']
})

afterAll(() => sandbox.close())

describe('a checked answer', () => {
  it('leaves a standing that is explained, exported, forgotten and imported', async () => {
    const answer = await sandbox.run([...asked, '--verify', 'always', 'Count from 1 to 20.'])
    expect(answer.exitCode, answer.stderr).toBe(0)
    const peer = answer.events().at(-1)?.attempts[0]?.peerId ?? ''

    const why = await sandbox.run(['peers', '--why', peer.slice(-8)])
    expect(why.exitCode, why.stderr).toBe(0)
    expect(why.stdout).toContain(`${peer}: newcomer`)
    expect(why.stdout).toContain('1 audits passed in a row')
    expect(why.stdout).toContain('100 % of its next answers are audited')

    const exported = await sandbox.run(['reputation', 'export'])
    expect(JSON.parse(exported.stdout)).toMatchObject({ peers: [{ peer }] })
    const file = join(sandbox.home, 'standings.json')
    await writeFile(file, exported.stdout)

    expect((await sandbox.run(['reputation', 'forget', peer])).exitCode).toBe(0)
    expect((await sandbox.run(['reputation', 'list'])).stdout).not.toContain('0.67')

    const again = await sandbox.run(['reputation', 'import', file])
    expect(again.stdout, again.stderr).toContain('0 standings taken over')
    const elsewhere = ['--data-dir', join(sandbox.home, 'elsewhere')]
    const imported = await sandbox.run(['reputation', 'import', ...elsewhere, file])
    expect(imported.stdout, imported.stderr).toContain('1 standings taken over')
    const listed = await sandbox.run(['reputation', 'list', ...elsewhere])
    expect(listed.stdout).toContain('0.67')
  })

  it('of a peer that nobody knows is not made up', async () => {
    const why = await sandbox.run(['peers', '--why', STRANGER])
    expect(why.exitCode).not.toBe(0)
    expect(why.stderr).toContain('nothing is known')
  })
})

describe('a trusted request', () => {
  it('goes to nobody else', async () => {
    const answer = await sandbox.run([...asked, '--trust', STRANGER, 'Count from 1 to 5.'])
    expect(answer.exitCode).toBe(3)
    expect(answer.stdout + answer.stderr).toContain('none of the 1 peers that this request trusts')
  })

  it('names peers by their ids', async () => {
    const answer = await sandbox.run([...asked, '--trust', 'acme-operator', 'Count from 1 to 5.'])
    expect(answer.exitCode).toBe(6)
    expect(answer.stdout + answer.stderr).toContain('is no peer id')
  })
})
