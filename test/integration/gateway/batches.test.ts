import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI, { toFile } from 'openai'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApiKey, type GatewayServer, serveGateway } from '../../../gateway/index.ts'
import type { GatewayServerInit } from '../../../gateway/server/index.ts'
import { LiveSwarm } from '../../../testing/swarms/live-swarm.ts'

vi.setConfig({ testTimeout: 60_000 })

interface ResultLine {
  readonly custom_id: string
  readonly response: {
    readonly status_code: number
    readonly body: {
      readonly choices?: readonly { readonly message: { readonly content: string } }[]
      readonly error?: { readonly code: string; readonly param: string | null }
    }
  } | null
  readonly error: { readonly code: string } | null
}

const anna = createApiKey('anna')
const bert = createApiKey('bert')
let swarm: LiveSwarm
let stateDir: string
let server: GatewayServer
let openai: OpenAI

const sdk = ({ url }: GatewayServer, apiKey: string): OpenAI =>
  new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 })

async function start(init: Partial<GatewayServerInit> = {}): Promise<void> {
  const options = { port: 0, drainMs: 5_000, stateDir, apiKeys: [anna.kept, bert.kept] }
  server = await serveGateway(await swarm.client(), { ...options, ...init })
  openai = sdk(server, anna.key)
}

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'skein-batches-'))
  swarm = await LiveSwarm.create()
  await swarm.node()
  await start()
})
afterEach(async () => {
  await server.close()
  await swarm[Symbol.asyncDispose]()
  await rm(stateDir, { recursive: true, force: true })
})

const chatLine = (index: number, body: object = {}): object => ({
  custom_id: `chat-${index}`,
  method: 'POST',
  url: '/v1/chat/completions',
  body: {
    model: 'm',
    messages: [{ role: 'user', content: `Count from ${index} to ${index + 4}.` }],
    ...body,
  },
})

const jsonl = (lines: readonly unknown[]): string =>
  lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')

async function upload(lines: readonly unknown[]): Promise<string> {
  const file = await toFile(Buffer.from(jsonl(lines)), 'in.jsonl')
  return (await openai.files.create({ file, purpose: 'batch' })).id
}

async function create(input_file_id: string, endpoint = '/v1/chat/completions') {
  return await openai.batches.create({
    input_file_id,
    endpoint: endpoint as '/v1/chat/completions',
    completion_window: '24h',
  })
}

async function ended(id: string) {
  return await vi.waitFor(
    async () => {
      const batch = await openai.batches.retrieve(id)
      expect(['completed', 'failed', 'expired', 'cancelled']).toContain(batch.status)
      return batch
    },
    { timeout: 30_000, interval: 50 },
  )
}

async function results(fileId: string | null | undefined): Promise<ResultLine[]> {
  const text = await (await openai.files.content(fileId ?? '')).text()
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ResultLine)
}

const textOf = ({ response }: ResultLine): string | undefined =>
  response?.body.choices?.[0]?.message.content

describe('a batch', () => {
  it('of chats is answered, each request once, with results to download', async () => {
    const input = await upload(Array.from({ length: 60 }, (_, index) => chatLine(index)))
    const created = await create(input)
    expect(created).toMatchObject({ object: 'batch', status: 'validating', input_file_id: input })
    const batch = await ended(created.id)
    expect(batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 60, completed: 60, failed: 0 },
      error_file_id: null,
    })
    expect(batch.usage?.total_tokens).toBeGreaterThan(60)
    const lines = await results(batch.output_file_id)
    expect(lines).toHaveLength(60)
    const texts = new Map(lines.map((line) => [line.custom_id, textOf(line)]))
    for (let index = 0; index < 60; index++) {
      const counted = [0, 1, 2, 3, 4].map((offset) => index + offset).join(', ')
      expect(texts.get(`chat-${index}`)).toBe(`${counted}.`)
    }
  })

  it('of embeddings and of completions is answered', async () => {
    const line = (url: string, body: object) => [{ custom_id: 'a', method: 'POST', url, body }]
    const embeddings = await create(
      await upload(line('/v1/embeddings', { model: 'm', input: ['a', 'b'] })),
      '/v1/embeddings',
    )
    const completions = await create(
      await upload(line('/v1/completions', { model: 'm', prompt: ['Count from 1 to 3.', 'x'] })),
      '/v1/completions',
    )
    for (const { id } of [embeddings, completions]) {
      expect(await ended(id)).toMatchObject({ request_counts: { completed: 1 } })
    }
  })

  it('lists failures separately, with their reasons', async () => {
    const input = await upload([chatLine(1), chatLine(2, { num_ctx: 7 }), chatLine(3)])
    const batch = await ended((await create(input)).id)
    expect(batch.request_counts).toEqual({ total: 3, completed: 2, failed: 1 })
    const [failed, ...others] = await results(batch.error_file_id)
    expect(others).toEqual([])
    expect(failed).toMatchObject({
      custom_id: 'chat-2',
      response: {
        status_code: 400,
        body: { error: { code: 'invalid_request', param: 'num_ctx' } },
      },
    })
  })

  it('with an invalid file fails as a whole, and names the lines', async () => {
    const wrong = [chatLine(1), '{', chatLine(1), { ...chatLine(2), url: '/v1/embeddings' }]
    const batch = await ended((await create(await upload(wrong))).id)
    expect(batch.status).toBe('failed')
    expect(batch.errors?.data?.map(({ line, param }) => [line, param])).toEqual([
      [2, null],
      [3, 'custom_id'],
      [4, 'url'],
    ])
  })

  it('that is cancelled keeps its answers', async () => {
    const { backend } = await swarm.node()
    const lines = Array.from({ length: 400 }, (_, index) => chatLine(index))
    const { id } = await create(await upload(lines))
    await vi.waitFor(
      async () => {
        expect((await openai.batches.retrieve(id)).request_counts?.completed).toBeGreaterThan(5)
      },
      { timeout: 30_000 },
    )
    await openai.batches.cancel(id)
    const batch = await ended(id)
    expect(batch.status).toBe('cancelled')
    const answered = await results(batch.output_file_id)
    expect(answered).toHaveLength(batch.request_counts?.completed ?? -1)
    expect(answered.length).toBeLessThan(400)
    await backend.idle()
    await expect(openai.batches.cancel(id)).rejects.toMatchObject({ status: 400 })
  })

  it('continues when the gateway restarts, without repeating a request', async () => {
    const { id, inputId } = await interrupted()
    // As a crash in the middle of a line leaves it.
    for (const name of await readdir(join(stateDir, 'content'))) {
      const isInput = name.startsWith(inputId)
      if (!isInput) await appendFile(join(stateDir, 'content', name), '{"custom_id":"chat-29')
    }
    await start()
    const batch = await ended(id)
    expect(batch.request_counts).toEqual({ total: 300, completed: 300, failed: 0 })
    const ids = (await results(batch.output_file_id)).map(({ custom_id }) => custom_id)
    expect(ids).toHaveLength(300)
    expect(new Set(ids).size).toBe(300)
  })

  it('that expires lists the unanswered requests', async () => {
    const { id } = await interrupted()
    await start({ now: () => Date.now() + 86_400_000 })
    const batch = await ended(id)
    expect(batch.status).toBe('expired')
    const unanswered = await results(batch.error_file_id)
    expect(unanswered[0]).toMatchObject({ response: null, error: { code: 'batch_expired' } })
    const answered = await results(batch.output_file_id)
    const ids = [...answered, ...unanswered].map(({ custom_id }) => custom_id)
    expect(ids).toHaveLength(300)
    expect(new Set(ids).size).toBe(300)
  })
})

/** A batch of 300 chats, interrupted by the end of the gateway. */
async function interrupted(): Promise<{ readonly id: string; readonly inputId: string }> {
  const inputId = await upload(Array.from({ length: 300 }, (_, index) => chatLine(index)))
  const { id } = await create(inputId)
  await vi.waitFor(
    async () => {
      expect((await openai.batches.retrieve(id)).request_counts?.completed).toBeGreaterThan(20)
    },
    { timeout: 30_000 },
  )
  await server.close()
  return { id, inputId }
}

describe('files', () => {
  it('are listed page by page, read back, and deleted', async () => {
    const ids: string[] = []
    for (const index of [1, 2, 3]) ids.push(await upload([chatLine(index)]))
    const found: string[] = []
    for await (const file of openai.files.list({ limit: 2 })) found.push(file.id)
    expect(new Set(found)).toEqual(new Set(ids))
    expect(found).toHaveLength(ids.length)
    expect(await (await openai.files.content(ids[0] ?? '')).text()).toBe(jsonl([chatLine(1)]))
    expect(await openai.files.delete(ids[0] ?? '')).toMatchObject({ deleted: true })
    await expect(openai.files.retrieve(ids[0] ?? '')).rejects.toMatchObject({ status: 404 })
  })

  it('belong to the key that uploaded them, as do batches', async () => {
    const input = await upload([chatLine(1)])
    const { id } = await create(input)
    const other = sdk(server, bert.key)
    await expect(other.files.retrieve(input)).rejects.toMatchObject({ status: 404 })
    await expect(other.batches.retrieve(id)).rejects.toMatchObject({ status: 404 })
    expect((await other.files.list()).data).toEqual([])
    const stolen = other.batches.create({
      input_file_id: input,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    })
    await expect(stolen).rejects.toMatchObject({ status: 400, param: 'input_file_id' })
  })

  it('that are invalid are rejected by field', async () => {
    const file = await toFile(Buffer.from('x'), 'in.jsonl')
    await expect(openai.files.create({ file, purpose: 'vision' })).rejects.toMatchObject({
      status: 400,
      param: 'purpose',
    })
    await expect(openai.files.retrieve('../../etc/passwd')).rejects.toMatchObject({ status: 404 })
    await server.close()
    await start({ maxFileBytes: 1_500, maxFilesBytes: 1_200 })
    const large = await toFile(Buffer.alloc(2_000), 'in.jsonl')
    await expect(openai.files.create({ file: large, purpose: 'batch' })).rejects.toMatchObject({
      status: 413,
    })
    await openai.files.create({ file: await toFile(Buffer.alloc(700), 'a'), purpose: 'batch' })
    const second = openai.files.create({
      file: await toFile(Buffer.alloc(700), 'b'),
      purpose: 'batch',
    })
    await expect(second).rejects.toMatchObject({ code: 'over_capacity' })
  })

  it('are refused by a gateway without a directory', async () => {
    const bare = await serveGateway(await swarm.client(), { port: 0 })
    await expect(sdk(bare, 'none').files.list()).rejects.toMatchObject({
      code: 'capability_unavailable',
    })
    await bare.close()
  })
})
