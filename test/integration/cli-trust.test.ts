import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSandbox, LOOPBACK, type Sandbox } from '../../testing/cli/index.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** A well-formed peer id that no peer has. */
const STRANGER = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'
const NODES = 3

let sandbox: Sandbox
let address: string
let asked: string[]

beforeAll(async () => {
  sandbox = await createSandbox()
  address =
    (await sandbox.startHere(['bootstrap', '--json', ...LOOPBACK]).event('ready')).addresses[0] ??
    ''
  const embedded = ['node', '--json', '--backend', 'embedded', '--bootstrap', address, ...LOOPBACK]
  for (let n = 0; n < NODES; n += 1) {
    const node = sandbox.startHere([...embedded, '--data-dir', join(sandbox.home, `node-${n}`)])
    await node.event('ready')
  }
  asked = ['ask', '--json', '--bootstrap', address, '--model', 'skein-tiny', '--temperature', '0']
})

afterAll(() => sandbox.close())

describe('a checked answer', () => {
  it('leaves a standing that is explained, exported, forgotten and imported', async () => {
    const answer = await sandbox.runHere([...asked, '--verify', 'always', 'Count from 1 to 20.'])
    expect(answer.exitCode, answer.stderr).toBe(0)
    const done = answer.events().at(-1)
    expect(done).toMatchObject({ event: 'done', verification: { status: 'passed' } })
    const peer = done?.verification?.parts[0]?.peerId ?? ''

    const why = await sandbox.runHere(['peers', '--why', peer.slice(-8)])
    expect(why.exitCode, why.stderr).toBe(0)
    expect(why.stdout).toContain(`${peer}: newcomer`)
    expect(why.stdout).toContain('1 audits passed in a row')
    expect(why.stdout).toContain('100 % of its next answers are audited')

    const exported = await sandbox.runHere(['reputation', 'export'])
    expect(JSON.parse(exported.stdout)).toMatchObject({ peers: [{ peer }] })
    const file = join(sandbox.home, 'standings.json')
    await writeFile(file, exported.stdout)

    expect((await sandbox.runHere(['reputation', 'forget', peer])).exitCode).toBe(0)
    expect((await sandbox.runHere(['reputation', 'list'])).stdout).not.toContain('0.67')

    // By the end of its id it is known no more, and by the whole id it is.
    expect((await sandbox.runHere(['reputation', 'deny', peer.slice(-8)])).exitCode).toBe(2)
    const denied = await sandbox.runHere(['reputation', 'deny', peer])
    expect(denied.stdout, denied.stderr).toContain(`${peer} is denied.`)
    const refused = await sandbox.runHere([...asked, '--trust', peer, 'Count from 1 to 5.'])
    expect(refused.exitCode, refused.stderr).toBe(3)
    expect((await sandbox.runHere(['reputation', 'list'])).stdout).toMatch(/denied\s+\d{4}-/)
    expect((await sandbox.runHere(['reputation', 'unmark', peer.slice(-8)])).exitCode).toBe(0)

    const again = await sandbox.runHere(['reputation', 'import', file])
    expect(again.stdout, again.stderr).toContain('0 standings imported')
    const elsewhere = ['--data-dir', join(sandbox.home, 'elsewhere')]
    const imported = await sandbox.runHere(['reputation', 'import', ...elsewhere, file])
    expect(imported.stdout, imported.stderr).toContain('1 standings imported')
    const listed = await sandbox.runHere(['reputation', 'list', ...elsewhere])
    expect(listed.stdout).toContain('0.67')
  })

  it('has its verdict in a line and in the record', async () => {
    const words = asked.filter((word) => word !== '--json')
    const prompt = 'Count from 1 to 20.'
    const plain = await sandbox.runHere([...words, '--verify', 'always', prompt])
    expect(plain.stderr).toMatch(/^Verified: passed; \d+ tokens read for it; ….*, by …\S+/m)
    expect(plain.stdout).not.toContain('Verified')
    const explained = await sandbox.runHere([...words, '--verify', 'always', '--explain', prompt])
    expect(explained.stderr).toMatch(
      /^verified {3}passed; \d+ tokens read for it\n {11}….* impossible/m,
    )
  })

  it('is an error if it is required and no peer can rate the answer', async () => {
    const failed = await sandbox.runHere([
      ...asked,
      '--verify',
      'required',
      '--max-tokens',
      '3',
      'Hi.',
    ])
    expect(failed.exitCode).toBe(8)
    expect(failed.events().at(-1)).toMatchObject({
      ...{ event: 'error', code: 'verification_failed' },
      verification: { status: 'unverified', why: 'too-short' },
    })
  })

  it('of an unknown peer is an error', async () => {
    const why = await sandbox.runHere(['peers', '--why', STRANGER])
    expect(why.exitCode).not.toBe(0)
    expect(why.stderr).toContain('there is no standing of')
  })
})

describe('a trusted request', () => {
  it('goes only to trusted peers', async () => {
    const answer = await sandbox.runHere([...asked, '--trust', STRANGER, 'Count from 1 to 5.'])
    expect(answer.exitCode).toBe(3)
    expect(answer.stdout + answer.stderr).toContain('none of the 1 peers that this request trusts')
  })

  it('of a batch goes only to trusted peers', async () => {
    const body = {
      model: 'skein-tiny',
      messages: [{ role: 'user', content: 'Count from 1 to 5.' }],
    }
    const line = { custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body }
    const file = join(sandbox.home, 'questions.jsonl')
    await writeFile(file, JSON.stringify(line))
    const batch = [
      'batch',
      'run',
      '--json',
      '--bootstrap',
      address,
      '--deadline-seconds',
      '3',
      file,
    ]
    const failed = await sandbox.runHere([...batch, '--trust', STRANGER])
    expect(failed.events().at(-1)).toMatchObject({ event: 'done', completed: 0, failed: 1 })
  })

  it('names peers by their ids', async () => {
    const answer = await sandbox.runHere([
      ...asked,
      '--trust',
      'acme-operator',
      'Count from 1 to 5.',
    ])
    expect(answer.exitCode).toBe(2)
    expect(answer.stdout + answer.stderr).toContain('full peer id')
  })
})
