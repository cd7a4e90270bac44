import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createGateway, type Gateway } from '../../../gateway/index.ts'
import { gatewayClientOf } from '../../../testing/swarms/gateway-client.ts'
import { ScriptedSwarm } from '../../../testing/swarms/scripted-swarm.ts'

vi.setConfig({ testTimeout: 30_000 })

const messages = [{ role: 'user', content: 'Count from 1 to 9.' }]
const chat = { model: 'm', temperature: 0, messages }
const capabilities = ['chat', 'completion', 'embedding', 'token_ids', 'score'] as const

/** Three peers, of which the caller trusts the last one; without that restriction the others are asked first. */
async function setUp() {
  const peer = { model: { capabilities } }
  const swarm = await ScriptedSwarm.create([peer, peer, peer], { timeoutMs: 5_000 })
  onTestFinished(() => swarm[Symbol.asyncDispose]())
  const stateDir = await mkdtemp(join(tmpdir(), 'skein-trusted-'))
  onTestFinished(() => rm(stateDir, { recursive: true, force: true }))
  const open = (): Gateway => {
    const gateway = createGateway(gatewayClientOf(swarm.swarm.requester), { stateDir })
    onTestFinished(() => gateway.close())
    return gateway
  }
  const calls = (): readonly number[] => swarm.peers.map(({ engine }) => engine.calls.length)
  return { open, calls, keys: swarm.peers.map(({ key }) => key) }
}

function post(
  gateway: Gateway,
  path: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return gateway.fetch(`http://skein.local${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

async function upload(gateway: Gateway, lines: number): Promise<string> {
  const line = (index: number): string =>
    JSON.stringify({
      ...{ custom_id: `${index}`, method: 'POST', url: '/v1/chat/completions' },
      body: { ...chat, messages: [{ role: 'user', content: `Count from ${index} to 30.` }] },
    })
  const form = new FormData()
  form.set('purpose', 'batch')
  form.set('file', new File([Array.from({ length: lines }, (_, at) => line(at)).join('\n')], 'a'))
  const init = { method: 'POST', body: form }
  const response = await gateway.fetch('http://skein.local/v1/files', init)
  return ((await response.json()) as { id: string }).id
}

const batchOf = (input_file_id: string): object => ({
  ...{ input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' },
})

async function ended(gateway: Gateway, id: string): Promise<object> {
  return await vi.waitFor(
    async () => {
      const response = await gateway.fetch(`http://skein.local/v1/batches/${id}`)
      const batch = (await response.json()) as { readonly status: string }
      expect(batch.status).toBe('completed')
      return batch
    },
    { timeout: 10_000, interval: 20 },
  )
}

describe('x-skein-trusted', () => {
  it('keeps a request from all other peers, on every endpoint', async () => {
    const { open, calls, keys } = await setUp()
    const gateway = open()
    const input = Array.from({ length: 40 }, (_, index) => `input ${index}`)
    const requests: readonly (readonly [string, object])[] = [
      ['/v1/chat/completions', chat],
      ['/v1/chat/completions', { ...chat, stream: true }],
      ['/v1/chat/completions', { ...chat, n: 3 }],
      ['/v1/completions', { model: 'm', prompt: ['Count from 1 to 9.', 'x'] }],
      ['/v1/embeddings', { model: 'm', input }],
      ['/v1/responses', { model: 'm', input: 'Count from 1 to 9.' }],
      ['/v1/messages', { model: 'm', max_tokens: 20, messages }],
      ['/api/chat', { model: 'm', messages, stream: false }],
      ['/api/generate', { model: 'm', prompt: 'x' }],
      ['/api/embed', { model: 'm', input: 'x' }],
      ['/api/embeddings', { model: 'm', prompt: 'x' }],
    ]
    for (const [path, body] of requests) {
      const before = calls()[2] ?? 0
      const response = await post(gateway, path, body, { 'x-skein-trusted': keys[2] ?? '' })
      await response.text()
      expect([path, response.status]).toEqual([path, 200])
      expect(calls()[2]).toBeGreaterThan(before)
      expect(calls().slice(0, 2)).toEqual([0, 0])
    }
  })

  it('sends nothing to peers for endpoints that only count, list or describe', async () => {
    const { open, calls } = await setUp()
    const gateway = open()
    await post(gateway, '/v1/messages/count_tokens', { model: 'm', messages })
    await post(gateway, '/api/show', { model: 'm' })
    for (const path of ['/v1/models', '/v1/models/m', '/api/tags', '/api/ps']) {
      expect((await gateway.fetch(`http://skein.local${path}`)).status).toBe(200)
    }
    expect(calls()).toEqual([0, 0, 0])
  })

  it('applies to a batch, also after the gateway restarts', async () => {
    const { open, calls, keys } = await setUp()
    const before = open()
    const headers = { 'x-skein-trusted': keys[2] ?? '' }
    const input = await upload(before, 20)
    const response = await post(before, '/v1/batches', batchOf(input), headers)
    const { id } = (await response.json()) as { id: string }
    await vi.waitFor(() => expect(calls()[2]).toBeGreaterThan(0))
    await before.close()
    const asked = calls()[2] ?? 0
    const batch = await ended(open(), id)
    expect(batch).toMatchObject({ request_counts: { completed: 20, failed: 0 } })
    expect(batch).not.toHaveProperty('asking')
    expect(calls()[2]).toBeGreaterThan(asked)
    expect(calls().slice(0, 2)).toEqual([0, 0])
  })

  it('does not replay the answer of other peers for the same idempotency key', async () => {
    const { open, calls, keys } = await setUp()
    const gateway = open()
    const ask = async (trusted?: string): Promise<Response> => {
      const response = await post(gateway, '/v1/chat/completions', chat, {
        'idempotency-key': 'a',
        'x-skein-verify': 'off',
        ...(trusted !== undefined && { 'x-skein-trusted': trusted }),
      })
      await response.text()
      expect(response.status).toBe(200)
      return response
    }
    const first = await ask()
    expect(keys.slice(0, 2)).toContain(first.headers.get('x-skein-peer'))
    const [, second = '', third = ''] = keys
    const asked = calls()[2] ?? 0
    const own = await ask(third)
    expect(own.headers.get('x-skein-peer')).toBe(third)
    expect(calls()[2]).toBe(asked + 1)
    const both = await ask(`${second},${third}`)
    // The same list in another spelling is the same request.
    const again = await ask(` ${third}, ${second},${third}`)
    expect(again.headers.get('x-skein-replayed')).toBe('true')
    expect(again.headers.get('x-skein-peer')).toBe(both.headers.get('x-skein-peer'))
  })
})

describe('a batch with invalid headers', () => {
  it.each([
    [{ 'x-skein-trusted': 'alice' }, 'trusted'],
    [{ 'x-skein-trusted': '' }, 'trusted'],
    [{ 'x-skein-verify': 'maybe' }, 'verify'],
    [{ 'x-skein-policy': 'race:99' }, 'policy'],
    [{ 'x-skein-timeout-ms': '-1' }, 'x-skein-timeout-ms'],
  ])('is refused when it is made: %j', async (headers, param) => {
    const { open, calls } = await setUp()
    const gateway = open()
    const input = await upload(gateway, 1)
    const response = await post(gateway, '/v1/batches', batchOf(input), headers)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_request', param } })
    const list = await gateway.fetch('http://skein.local/v1/batches')
    expect(await list.json()).toMatchObject({ data: [] })
    expect(calls()).toEqual([0, 0, 0])
  })
})
