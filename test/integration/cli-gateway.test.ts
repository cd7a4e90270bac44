import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type CliProcess,
  createSandbox,
  LOOPBACK,
  type LocalCommand,
  type Sandbox,
} from '../../testing/cli/index.ts'

const counted = (last: number): string =>
  `${Array.from({ length: last }, (_, index) => index + 1).join(', ')}.`
const counting = (last: number) => ({
  model: 'skein-tiny',
  temperature: 0,
  messages: [{ role: 'user' as const, content: `Count from 1 to ${last}.` }],
})

// Whole processes on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 })

let sandbox: Sandbox
const addresses: string[] = []
const nodes = new Map<string, CliProcess>()

/** By any of the nodes: tests kill some. */
const join = (): string[] => addresses.flatMap((address) => ['--bootstrap', address])

async function startNode(): Promise<void> {
  const engine = ['--backend', 'embedded', '--max-tokens-per-second', '100']
  const node = sandbox.start(['node', '--json', ...engine, ...join(), ...LOOPBACK])
  const ready = await node.event('ready')
  addresses.push(ready.addresses[0] ?? '')
  nodes.set(ready.peerId, node)
}

async function startGateway(
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<{ gateway: LocalCommand; url: string }> {
  const options = ['--json', '--port', '0', ...join()]
  const gateway = sandbox.startHere(['gateway', ...options, ...args], env)
  return { gateway, url: (await gateway.event('ready')).url }
}

const sdk = (url: string, apiKey = 'none'): OpenAI =>
  new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 })

beforeAll(async () => {
  sandbox = await createSandbox()
  await startNode()
  await startNode()
})

afterAll(() => sandbox.close())

describe('skein gateway', () => {
  it('resumes a stream whose peer is killed, and finishes running answers when stopped', async () => {
    const { gateway, url } = await startGateway()
    const { data, response } = await sdk(url)
      .chat.completions.create({ ...counting(60), stream: true })
      .withResponse()
    let text = ''
    for await (const { choices } of data) {
      text += choices[0]?.delta.content ?? ''
      const serving = nodes.get(response.headers.get('x-skein-peer') ?? '')
      if (text.endsWith(' 20')) serving?.child.kill('SIGKILL')
      if (text.endsWith(' 40')) gateway.interrupt('SIGTERM')
    }
    expect(text).toBe(counted(60))
    const { exitCode, stderr } = await gateway.finished
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  })

  it('gets past a provider that answers 503 and one that hangs, and keeps their keys to itself', async () => {
    const seen: (string | undefined)[] = []
    const provider = async (status: number | undefined): Promise<[Server, string]> => {
      const server = createServer((request, answer) => {
        seen.push(request.headers.authorization)
        if (status !== undefined) answer.writeHead(status).end('{"error":{"message":"down"}}')
      }).listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`]
    }
    const [broken, brokenUrl] = await provider(503)
    const [hanging, hangingUrl] = await provider(undefined)
    const { gateway, url } = await startGateway(
      [
        ...['--provider', `broken=${brokenUrl}`, '--provider-key', 'broken=BROKEN_KEY'],
        ...['--provider', `hanging=${hangingUrl}`],
        ...['--alias', 'best=broken/x,hanging/x,skein-tiny'],
      ],
      { BROKEN_KEY: 'sk-very-secret' },
    )
    const answer = await sdk(url).chat.completions.create({ ...counting(10), model: 'best' })
    expect(answer.choices[0]?.message.content).toBe(counted(10))
    expect(answer.model).toBe('skein-tiny')
    expect(seen[0]).toBe('Bearer sk-very-secret')
    expect(seen.slice(1)).not.toContain('Bearer sk-very-secret')
    gateway.interrupt('SIGTERM')
    const { stdout, stderr } = await gateway.finished
    expect(stdout + stderr + JSON.stringify(answer)).not.toContain('very-secret')
    for (const server of [broken, hanging]) {
      server.closeAllConnections()
      server.close()
    }
  })

  it('requires a key once one exists', async () => {
    const dataDir = ['--data-dir', `${sandbox.home}/keys`]
    const made = await sandbox.runHere(['gateway', 'key', 'add', 'anna', '--json', ...dataDir])
    const key = made.events()[0]?.key ?? ''
    const { gateway, url } = await startGateway(dataDir)
    await expect(sdk(url).models.list()).rejects.toMatchObject({ status: 401 })
    const { data } = await sdk(url, key).models.list()
    expect(data.map(({ id }) => id)).toEqual(['skein-tiny'])
    const change = async (...rights: readonly string[]): Promise<void> => {
      await sandbox.runHere(['gateway', 'key', 'change', 'anna', ...rights, ...dataDir])
    }
    const listed = async () => (await sdk(url, key).models.list()).data.map(({ id }) => id)
    await change('--only-model', 'other', '--budget', '100')
    await expect.poll(listed, { timeout: 30_000 }).toEqual([])
    await change('--lift', 'models', '--lift', 'budget')
    await expect.poll(listed, { timeout: 30_000 }).toEqual(['skein-tiny'])
    const kept = (await sandbox.runHere(['gateway', 'key', 'list', '--json', ...dataDir])).events()
    expect(kept[0]).toMatchObject({ keys: [{ name: 'anna' }] })
    expect(kept[0]).not.toMatchObject({ keys: [{ budget: {} }] })
    gateway.interrupt('SIGTERM')
    await gateway.finished
  })

  it('shares a file of keys with another gateway, and follows each change of it', async () => {
    const shared = ['--keys', `${sandbox.home}/team/keys.json`]
    const own = (name: string): string[] => [...shared, '--data-dir', `${sandbox.home}/${name}`]
    const change = async (...args: readonly string[]) =>
      (await sandbox.runHere(['gateway', 'key', ...args, '--json', ...shared])).events()
    const key = (await change('add', 'anna', '--limit', 'requests-per-day=2'))[0]?.key ?? ''
    const gateways = [await startGateway(own('one')), await startGateway(own('two'))]
    const statuses = async (): Promise<number[]> =>
      await Promise.all(
        gateways.map(async ({ url }) => {
          const headers = { authorization: `Bearer ${key}` }
          return (await fetch(`${url}/v1/models`, { headers })).status
        }),
      )
    expect(await statuses()).toEqual([200, 200])
    await change('remove', 'anna')
    await expect.poll(statuses, { timeout: 30_000 }).toEqual([401, 401])
    for (const { gateway } of gateways) {
      gateway.interrupt('SIGTERM')
      await gateway.finished
    }
  })

  it('requires a key or --open to listen beyond this machine', async () => {
    const { exitCode, stderr } = await sandbox.runHere([
      'gateway',
      '--host',
      '0.0.0.0',
      '--port',
      '0',
    ])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('gateway key add')
  })

  it('reports that its port is in use', async () => {
    const { gateway, url } = await startGateway()
    const port = new URL(url).port
    const second = await sandbox.runHere(['gateway', '--port', port, ...join()])
    expect(second.exitCode).not.toBe(0)
    expect(second.stderr).toContain(`cannot listen on 127.0.0.1:${port}`)
    gateway.interrupt('SIGTERM')
    await gateway.finished
  })
})
