import { Ollama } from 'ollama'
import { beforeEach, describe, expect, it } from 'vitest'
import { openGateway } from '../../../gateway/gateway.ts'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import {
  createApiKey,
  createGateway,
  type GatewayInit,
  type KeyRights,
  type LocalModel,
} from '../../../gateway/index.ts'
import { InferenceError } from '../../../protocol/index.ts'

const URL = 'http://127.0.0.1:4810'
const HASH = 'a'.repeat(64)
const IDLE: LocalModel = { name: 'm-q8_0', id: 'm', bytes: 42, sha256: HASH, state: 'on-disk' }

let models: LocalModel[]
let done: string[]

beforeEach(() => {
  models = [IDLE]
  done = []
})

const localModels: NonNullable<GatewayInit['localModels']> = {
  list: async () => models,
  pull: async (source, { onProgress } = {}) => {
    if (source === 'bad') throw new InferenceError('invalid_request', 'not a model')
    onProgress?.({ status: 'downloading', receivedBytes: 1, totalBytes: 2 })
    if (source === 'lost') throw new InferenceError('dial_failed', 'the server left')
    onProgress?.({ status: 'downloading', receivedBytes: 2, totalBytes: 2 })
    return 'm-q8_0'
  },
  share: async (name) => void done.push(`share ${name}`),
  load: async (name) => void done.push(`load ${name}`),
  unload: async (name) => void done.push(`unload ${name}`),
  remove: async (name) => void done.push(`remove ${name}`),
}

const listing = { id: 'm', aliases: [], digests: [], capabilities: ['chat'], contextLength: 1 }
const client = {
  names: { aliases: [], providers: [] },
  models: async () => [{ ...listing, peers: ['p'] }],
  observe: () => () => {},
} as unknown as GatewayClient

function ollama(init: GatewayInit = { localModels }): Ollama {
  return new Ollama({ host: URL, fetch: createGateway(client, init).fetch as typeof fetch })
}

describe('models of this machine in Ollama’s API', () => {
  it('downloads with progress as Ollama sends it, and shares the model', async () => {
    const lines = await Array.fromAsync(
      await ollama().pull({ model: 'hf:o/r/m.gguf', stream: true }),
    )
    const [first] = lines
    expect(first).toMatchObject({ total: 2, completed: 1 })
    expect(first?.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(first?.status).toBe(`pulling ${first?.digest.slice(7, 19)}`)
    expect(lines.at(-1)).toEqual({ status: 'success' })
    expect(done).toEqual(['share m-q8_0'])
    expect(await ollama().pull({ model: 'hf:o/r/m.gguf' })).toEqual({ status: 'success' })
  })

  it('refuses what cannot be downloaded with a status, and says what broke later in the stream', async () => {
    await expect(ollama().pull({ model: 'bad' })).rejects.toMatchObject({ status_code: 400 })
    const broken = async (): Promise<unknown> =>
      await Array.fromAsync(await ollama().pull({ model: 'lost', stream: true }))
    await expect(broken()).rejects.toThrow('the server left')
    expect(done).toEqual([])
  })

  it('lists sizes, and what is in memory', async () => {
    expect((await ollama().list()).models).toMatchObject([{ name: 'm', size: 42, digest: HASH }])
    expect((await ollama().ps()).models).toEqual([])
    models = [{ ...IDLE, state: 'loaded', memoryBytes: 99 }]
    expect((await ollama().ps()).models).toMatchObject([
      { name: 'm', size: 99, digest: HASH, context_length: 1 },
    ])
  })

  it('shows a key what is in memory only of the models that it may use', async () => {
    models = [{ ...IDLE, state: 'loaded' }]
    const running = async (rights: KeyRights): Promise<string[]> => {
      const { key, kept } = createApiKey('anna', rights)
      const { fetch } = createGateway(client, { localModels, apiKeys: [kept] })
      const headers = { authorization: `Bearer ${key}` }
      const asked = new Ollama({ host: URL, headers, fetch: fetch as typeof globalThis.fetch })
      return (await asked.ps()).models.map(({ name }) => name)
    }
    expect(await running({ models: ['other'] })).toEqual([])
    expect(await running({ models: ['M:latest'] })).toEqual(['m'])
    models = [{ ...IDLE, id: 'unshared', state: 'loaded' }]
    expect(await running({ requestsPerDay: 9 })).toEqual([])
    expect(await running({})).toEqual(['unshared'])
  })

  it('names a model by the digest of the swarm, in memory as on the list', async () => {
    const digests = [`sha256:${'b'.repeat(64)}`]
    const swarm = { ...client, models: async () => [{ ...listing, digests, peers: ['p'] }] }
    const { fetch } = createGateway(swarm as unknown as GatewayClient, { localModels })
    const asked = new Ollama({ host: URL, fetch: fetch as typeof globalThis.fetch })
    models = [{ ...IDLE, state: 'loaded' }]
    for (const { models: shown } of [await asked.list(), await asked.ps()]) {
      expect(shown).toMatchObject([{ name: 'm', digest: 'b'.repeat(64) }])
    }
  })

  it('deletes, by the name of the file or of the model', async () => {
    await ollama().delete({ model: 'm' })
    await ollama().delete({ model: 'M-Q8_0' })
    expect(done).toEqual(['remove m-q8_0', 'remove m-q8_0'])
    await expect(ollama().delete({ model: 'x' })).rejects.toMatchObject({ status_code: 404 })
  })

  it('deletes the file of that name, not one with the same id that is served', async () => {
    const q4: LocalModel = { ...IDLE, name: 'm-q4_0', isServed: false }
    const q8: LocalModel = { ...IDLE, isServed: true }
    models = [q4, q8]
    await ollama().delete({ model: 'm' })
    await ollama().delete({ model: 'm-q4_0' })
    expect(done).toEqual(['remove m-q8_0', 'remove m-q4_0'])
    models = [
      { ...IDLE, name: 'x-q8_0' },
      { ...IDLE, name: 'x', id: 'm' },
    ]
    await ollama().delete({ model: 'x' })
    expect(done.at(-1)).toBe('remove x')
  })

  it('refuses a name of several files', async () => {
    models = [
      { ...IDLE, name: 'm-q4_0', isServed: false },
      { ...IDLE, isServed: false },
    ]
    for (const changed of [
      ollama().delete({ model: 'm' }),
      ollama().generate({ model: 'm', prompt: '' }),
    ]) {
      await expect(changed).rejects.toMatchObject({
        status_code: 400,
        message: expect.stringContaining('m-q4_0, m-q8_0'),
      })
    }
    expect(done).toEqual([])
  })

  it('lists the size of the file that is served', async () => {
    models = [
      { ...IDLE, name: 'm-q4_0', bytes: 7, isServed: false },
      { ...IDLE, isServed: true },
    ]
    expect((await ollama().list()).models).toMatchObject([{ name: 'm', size: 42, digest: HASH }])
  })

  it('answers an empty request of a caller who may ask but not manage, and loads nothing', async () => {
    const open = openGateway(client, { localModels })
    const few = createApiKey('few', { models: ['m'] })
    const closed = openGateway(client, { localModels, apiKeys: [few.kept] })
    for (const path of ['generate', 'chat']) {
      for (const keepAlive of ['5m', 0]) {
        const body = JSON.stringify({ model: 'm', stream: false, keep_alive: keepAlive })
        const empty = new Request(`${URL}/api/${path}`, { method: 'POST', body })
        expect((await open.respond(empty.clone(), '192.0.2.1')).status).toBe(200)
        empty.headers.set('authorization', `Bearer ${few.key}`)
        expect((await closed.respond(empty, '127.0.0.1')).status).toBe(200)
      }
    }
    expect(done).toEqual([])
  })

  it.each([0, '0', '0s', '0h'])('unloads for keep_alive %j', async (keepAlive) => {
    models = [{ ...IDLE, state: 'loaded' }]
    const answer = await ollama().generate({ model: 'm', prompt: '', keep_alive: keepAlive })
    expect(answer.done_reason).toBe('unload')
    expect(done).toEqual(['unload m-q8_0'])
  })

  it('loads for an empty request', async () => {
    await ollama().generate({ model: 'm', prompt: '', keep_alive: '5m' })
    expect(done).toEqual(['load m-q8_0'])
  })

  it('changes nothing for other machines without keys, or for a restricted key', async () => {
    const pull = new Request(`${URL}/api/pull`, { method: 'POST', body: '{"model":"hf:o/r/m"}' })
    const open = openGateway(client, { localModels })
    expect((await open.respond(pull.clone(), '192.0.2.1')).status).toBe(401)
    const few = createApiKey('few', { models: ['m'] })
    const all = createApiKey('all')
    const closed = openGateway(client, { localModels, apiKeys: [few.kept, all.kept] })
    const pullWith = async (key: string): Promise<number> => {
      const request = pull.clone()
      request.headers.set('authorization', `Bearer ${key}`)
      return (await closed.respond(request, '192.0.2.1')).status
    }
    expect(await pullWith(few.key)).toBe(401)
    expect(done).toEqual([])
    expect(await pullWith(all.key)).toBe(200)
  })

  it.each<[string, Record<string, string>, GatewayInit]>([
    ['from an allowed page', { origin: 'https://a.example' }, { corsOrigins: ['*'] }],
    ['from a page of another site', { 'sec-fetch-site': 'cross-site' }, {}],
    ['through a proxy', { 'x-forwarded-for': '192.0.2.1' }, {}],
    ['through a proxy that says so', { forwarded: 'for=192.0.2.1' }, {}],
    ['through a proxy with a name', { via: '1.1 proxy' }, {}],
    ['at a gateway for others', {}, { trustsLoopback: false }],
  ])('wants a key for changes %s', async (_, headers, init) => {
    const gateway = openGateway(client, { localModels, ...init })
    const order = (path: string, method: string): Request =>
      new Request(`${URL}/api/${path}`, { method, headers, body: '{"model":"m"}' })
    for (const refused of [order('delete', 'DELETE'), order('pull', 'POST')]) {
      const response = await gateway.respond(refused, '127.0.0.1')
      expect(response.status).toBe(401)
      expect(await response.text()).toContain('gateway key add')
    }
    expect(done).toEqual([])
    const all = createApiKey('all')
    const closed = openGateway(client, { localModels, ...init, apiKeys: [all.kept] })
    const allowed = order('delete', 'DELETE')
    allowed.headers.set('authorization', `Bearer ${all.key}`)
    expect((await closed.respond(allowed, '127.0.0.1')).status).toBe(200)
    expect(done).toEqual(['remove m-q8_0'])
  })

  it('lets a caller on this machine change models without keys', async () => {
    const request = new Request(`${URL}/api/delete`, { method: 'DELETE', body: '{"model":"m"}' })
    const gateway = openGateway(client, { localModels })
    expect((await gateway.respond(request.clone(), '127.0.0.1')).status).toBe(200)
    gateway.update({ trustsLoopback: false })
    expect((await gateway.respond(request, '127.0.0.1')).status).toBe(401)
  })

  it('refuses where the gateway has no models of its own', async () => {
    await expect(ollama({}).pull({ model: 'm' })).rejects.toMatchObject({ status_code: 501 })
    expect((await ollama({}).ps()).models).toEqual([])
  })
})
