import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import { readUsage } from '../../cli/usage/index.ts'
import { openReputation } from '../../client/trust/index.ts'
import { createSandbox, LOOPBACK, type Sandbox } from '../../testing/cli/index.ts'
import { startOpenAiWire } from '../../testing/engines/openai-wire.ts'

// Commands on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

/** Made by `make-home.ts` of 0.1.0. */
const FIXTURE = fileURLToPath(new URL('../fixtures/home-0.1.0', import.meta.url))

interface Made {
  readonly madeAtMs: number
  readonly bootstrapId: string
  readonly nodeId: string
  /** API key of anna. */
  readonly key: string
  /** A batch of hers that is completed. */
  readonly batch: string
  readonly denied: string
  readonly liar: string
}

let made: Made
let sandbox: Sandbox
const dataOf = (...path: readonly string[]): string => join(sandbox.home, 'data/skein', ...path)

beforeEach(async () => {
  made = JSON.parse(await readFile(join(FIXTURE, 'made.json'), 'utf8')) as Made
  sandbox = await createSandbox()
  await cp(join(FIXTURE, 'data'), join(sandbox.home, 'data'), { recursive: true })
})
afterEach(() => sandbox.close())

/** The events of a command that succeeds without a word to the operator. */
async function events(...args: readonly string[]): Promise<readonly object[]> {
  const { exitCode, stderr, events: all } = await sandbox.runHere([...args, '--json'])
  expect([exitCode, stderr]).toEqual([0, ''])
  return all()
}

describe('the data of a machine of 0.1.0', () => {
  it('keeps its members, keys, usage and standings', async () => {
    expect(await events('swarm', 'members')).toEqual([
      expect.objectContaining({
        swarm: 'acme',
        members: expect.arrayContaining([
          expect.objectContaining({ name: 'office', role: 'admin' }),
          expect.objectContaining({ name: 'studio-mac', role: 'node' }),
          expect.objectContaining({ name: 'lost', state: 'revoked' }),
        ]),
      }),
    ])
    expect(await events('gateway', 'key', 'list')).toEqual([
      expect.objectContaining({
        keys: [
          expect.objectContaining({
            name: 'anna',
            models: ['m'],
            budget: expect.objectContaining({ tokens: 5_000_000, per: 'month' }),
            requestsPerMinute: 600,
          }),
          expect.objectContaining({ name: 'builds', priority: 'low' }),
        ],
      }),
    ])
    expect(await readUsage(dataOf('client+acme/gateway'), 30, made.madeAtMs)).toEqual([
      expect.objectContaining({ key: 'anna', model: 'm', requests: 4, failed: 0 }),
    ])
    await using saved = await openReputation(dataOf('client+acme'), () => made.madeAtMs)
    expect(saved).toMatchObject({ broken: false, dropped: 0 })
    expect(saved.reputation.markOf(made.denied)).toBe('denied')
    expect(saved.reputation.isQuarantined(made.liar, 'm')).toBe(true)
  })

  it('serves: the same peers, by the key that the swarm was rotated to', async () => {
    const identities = ['bootstrap+acme', 'node+acme', 'client+acme'].map((name) =>
      dataOf(name, 'identity.key'),
    )
    const before = await Promise.all(identities.map((path) => readFile(path)))
    const debts = await readFile(dataOf('node+acme/debts.json'), 'utf8')
    await using engine = createScriptedBackend({ models: [{ id: 'm' }] })
    await using wire = await startOpenAiWire(engine, 'vllm')
    const { url, ids, commands } = await startSwarm(wire.baseUrl)
    expect(ids).toEqual([made.bootstrapId, made.nodeId])
    const headers = { authorization: `Bearer ${made.key}`, 'content-type': 'application/json' }
    const messages = [{ role: 'user', content: 'Count from 1 to 3.' }]
    const body = JSON.stringify({ model: 'm', messages })
    // On a busy machine the gateway may be asked before it has met the node.
    await expect
      .poll(
        async () => {
          const answer = await fetch(`${url}/v1/chat/completions`, {
            method: 'POST',
            headers,
            body,
          })
          return answer.headers.get('x-skein-peer') ?? (await answer.text())
        },
        { timeout: 60_000, interval: 500 },
      )
      .toBe(made.nodeId)
    const batch = (await (await fetch(`${url}/v1/batches/${made.batch}`, { headers })).json()) as {
      readonly status: string
      readonly output_file_id: string
    }
    expect(batch.status).toBe('completed')
    const file = await fetch(`${url}/v1/files/${batch.output_file_id}/content`, { headers })
    expect(await file.text()).toContain('"custom_id":"one"')
    for (const command of commands) {
      command.interrupt('SIGTERM')
      expect((await command.finished).exitCode).toBe(0)
    }
    expect(await Promise.all(identities.map((path) => readFile(path)))).toEqual(before)
    const [client = ''] = /12D3Koo\w+/.exec(debts) ?? []
    expect(await readFile(dataOf('node+acme/debts.json'), 'utf8')).toContain(client)
  })
})

describe('data of a newer version', () => {
  const newer = async (path: string, change: (content: object) => object): Promise<void> => {
    const content = JSON.parse(await readFile(dataOf(path), 'utf8')) as object
    await writeFile(dataOf(path), JSON.stringify(change(content)))
  }
  const numbered = (path: string) => () => newer(path, (saved) => ({ ...saved, version: 2 }))
  const withRight = (key: object): object => ({ ...key, mayFly: true })

  it.each<[path: string, args: readonly string[], make: () => unknown, word: string]>([
    ['swarms/acme/swarm.json', ['swarm', 'members'], numbered('swarms/acme/swarm.json'), 'newer'],
    ['swarms/acme/keys.json', ['swarm', 'members'], numbered('swarms/acme/keys.json'), 'newer'],
    [
      'client+acme/gateway-keys.json',
      ['gateway', 'key', 'list'],
      () => newer('client+acme/gateway-keys.json', (keys) => ({ version: 2, keys })),
      'newer',
    ],
    [
      'client+acme/gateway-keys.json',
      ['gateway', 'key', 'add', 'otto'],
      () => newer('client+acme/gateway-keys.json', (keys) => (keys as object[]).map(withRight)),
      'rights that this version does not know (mayFly)',
    ],
    [
      'client+acme/gateway/usage.sqlite',
      ['gateway', 'usage'],
      () => {
        const database = new DatabaseSync(dataOf('client+acme/gateway/usage.sqlite'))
        database.exec('PRAGMA user_version = 99')
        database.close()
      },
      'newer',
    ],
    [
      'client+acme/reputation.json',
      ['reputation', 'trust', '12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'],
      numbered('client+acme/reputation.json'),
      'newer',
    ],
  ])('is named and left as it is: %s', async (path, args, make, word) => {
    await make()
    const before = await readFile(dataOf(path))
    const { exitCode, stderr } = await sandbox.runHere(args)
    expect(stderr).toContain(word)
    expect(exitCode).not.toBe(0)
    expect(await readFile(dataOf(path))).toEqual(before)
  })

  it('keeps no command from serving, and is there unchanged when the newer version comes back', async () => {
    const batch = join('client+acme/gateway/batches', `${made.batch}.json`)
    const wrapped = (saved: object): object => ({ version: 2, saved })
    const files = {
      ...{ bootstrap: ['bootstrap+acme/ports.json'] },
      ...{ node: ['node+acme/ports.json', 'node+acme/debts.json', 'node+acme/bootstrap.json'] },
      ...{ gateway: ['client+acme/ports.json', 'client+acme/bootstrap.json', batch] },
    }
    for (const path of Object.values(files).flat()) await newer(path, wrapped)
    const points = dataOf('node+acme/entry-points.json')
    await writeFile(points, JSON.stringify(wrapped([])))
    const paths = [
      ...Object.values(files)
        .flat()
        .map((path) => dataOf(path)),
      points,
    ]
    const before = await Promise.all(paths.map((path) => readFile(path, 'utf8')))
    await using engine = createScriptedBackend({ models: [{ id: 'm' }] })
    await using wire = await startOpenAiWire(engine, 'vllm')
    const { url, commands } = await startSwarm(wire.baseUrl)
    const headers = { authorization: `Bearer ${made.key}` }
    const listed = (await (await fetch(`${url}/v1/batches`, { headers })).json()) as object
    expect(listed).toMatchObject({ data: [] })
    const said: string[] = []
    for (const command of commands) {
      command.interrupt('SIGTERM')
      const { exitCode, stderr } = await command.finished
      expect(exitCode).toBe(0)
      said.push(stderr)
    }
    for (const path of ['ports.json', 'debts.json', 'bootstrap.json', 'entry-points.json', batch]) {
      expect(said.join('')).toContain(`${path} is left as it is`)
    }
    expect(await Promise.all(paths.map((path) => readFile(path, 'utf8')))).toEqual(before)
  })
})

/** Starts the bootstrap peer, the node over an engine, and the gateway of the home. `commands`: the last one first. */
async function startSwarm(engine: string) {
  const bootstrap = sandbox.startHere(['bootstrap', '--json', ...LOOPBACK])
  const first = await bootstrap.event('ready')
  const through = ['--bootstrap', first.addresses[0] ?? '', ...LOOPBACK]
  const shared = ['--backend', engine, '--share', 'm']
  const node = sandbox.startHere(['node', '--json', ...shared, ...through])
  const { peerId } = await node.event('ready')
  const gateway = sandbox.startHere(['gateway', '--json', '--port', '0', ...through])
  const { url } = await gateway.event('ready')
  return { url, ids: [first.peerId, peerId], commands: [gateway, node, bootstrap] }
}
