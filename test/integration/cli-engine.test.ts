import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import { createSandbox, LOOPBACK, type Sandbox } from '../../testing/cli/index.ts'
import { startOpenAiWire } from '../../testing/engines/openai-wire.ts'
import type { WireServer } from '../../testing/engines/wire-server.ts'

const MODEL_FILE = new URL('../../models/skein-tiny-q8_0.gguf', import.meta.url)

// Whole processes on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let sandbox: Sandbox
let engine: WireServer
let hub: Server
let hubUrl: string
let sha256: string

beforeAll(async () => {
  sandbox = await createSandbox()
  engine = await startOpenAiWire(createScriptedBackend(), 'llama-server')
  const file = await readFile(MODEL_FILE)
  sha256 = createHash('sha256').update(file).digest('hex')
  hub = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': file.length, etag: '"1"' }).end(file)
  })
  await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve))
  hubUrl = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`
})

afterAll(async () => {
  await sandbox.close()
  await engine[Symbol.asyncDispose]()
  hub.close()
})

it('shares only named models of an existing engine, and names the flag', async () => {
  const node = await sandbox.runHere(['node', '--json', '--backend', engine.baseUrl, ...LOOPBACK])
  expect(node.exitCode).toBe(2)
  expect(node.events()).toEqual([
    { event: 'error', code: 'usage', message: expect.stringMatching(/--share \S/) },
  ])
})

it('serves the named model of an existing engine', async () => {
  const refused = await sandbox.runHere([
    'node',
    '--json',
    '--backend',
    engine.baseUrl,
    ...LOOPBACK,
  ])
  const [, model = ''] = refused.events()[0]?.message.match(/--share ([^;\s]+)/) ?? []
  const node = sandbox.startHere([
    ...['node', '--json', '--backend', engine.baseUrl, '--share', model],
    ...LOOPBACK,
  ])
  const { addresses, models } = await node.event('ready')
  expect(models).toEqual([model])
  const asked = await sandbox.runHere([
    ...['ask', '--json', '--bootstrap', addresses[0] ?? '', '--model', model],
    'Count from 1 to 9.',
  ])
  expect(asked.events().at(-1)?.text, asked.stderr).toBe('1, 2, 3, 4, 5, 6, 7, 8, 9.')
})

it('lists the engine’s models if the named one does not exist', async () => {
  const node = await sandbox.runHere([
    ...['node', '--json', '--backend', engine.baseUrl, '--share', 'nonesuch'],
    ...LOOPBACK,
  ])
  expect(node.exitCode).toBe(4)
  expect(node.events()).toEqual([
    expect.objectContaining({ event: 'error', code: 'model_not_found' }),
  ])
})

it('downloads a model with progress and its sha256 on stderr, once', async () => {
  const start = () =>
    sandbox.startHere(
      ['node', '--json', '--model', 'hf:org/repo/skein-copy-q8_0.gguf', ...LOOPBACK],
      {
        HF_ENDPOINT: hubUrl,
      },
    )
  const first = start()
  expect((await first.event('ready')).models).toEqual(['skein-copy'])
  expect(first.stderr()).toContain('100%')
  expect(first.stderr()).toContain(`sha256 ${sha256}`)
  hub.closeAllConnections()
  hub.close()
  const second = start()
  expect((await second.event('ready')).models).toEqual(['skein-copy'])
  expect(second.stderr()).not.toContain('Downloading')
}, 60_000)

it('reports a missing model file', async () => {
  const node = await sandbox.runHere([
    'node',
    '--json',
    '--model',
    '/nonexistent.gguf',
    ...LOOPBACK,
  ])
  expect(node.exitCode).toBe(2)
  expect(node.events()[0]).toMatchObject({ message: expect.stringContaining('/nonexistent.gguf') })
})
