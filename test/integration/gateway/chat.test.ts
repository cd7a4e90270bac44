import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGateway, type GatewayServer, serveGateway } from '../../../gateway/index.ts'
import { LiveSwarm } from '../../../testing/swarms/live-swarm.ts'

const messages: { role: 'user'; content: string }[] = [
  { role: 'user', content: 'Count from 1 to 20.' },
]
const request = { model: 'm', messages }
const numbers = Array.from({ length: 20 }, (_, i) => i + 1).join(', ')

let swarm: LiveSwarm
let server: GatewayServer
let openai: OpenAI

beforeEach(async () => {
  swarm = await LiveSwarm.create()
  await swarm.node()
  server = await serveGateway(await swarm.client(), { port: 0, drainMs: 5_000 })
  openai = new OpenAI({ apiKey: 'none', baseURL: `${server.url}/v1`, maxRetries: 0 })
})
afterEach(async () => {
  await server.close()
  await swarm[Symbol.asyncDispose]()
})

describe('chats over HTTP', () => {
  it('answers the official SDK', async () => {
    const { data, response } = await openai.chat.completions.create(request).withResponse()
    expect(data.choices[0]?.message.content).toContain(numbers)
    expect(data).not.toHaveProperty('skein')
    expect(response.headers.get('x-skein-attempts')).toBe('1')
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
  })

  it('streams to the official SDK, with usage on request', async () => {
    const stream = await openai.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    const usages: unknown[] = []
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      usages.push(chunk.usage)
    }
    expect(text).toContain(numbers)
    expect(usages.at(-1)).toMatchObject({ completion_tokens: expect.any(Number) })
    expect(new Set(usages.slice(0, -1))).toEqual(new Set([null]))
  })

  it('names a field that it does not support', async () => {
    const wrong = openai.chat.completions.create({
      ...request,
      // @ts-expect-error it controls an engine
      num_ctx: 4_096,
    })
    await expect(wrong).rejects.toMatchObject({
      status: 400,
      code: 'invalid_request',
      param: 'num_ctx',
    })
  })

  it('accepts its own answers as part of the conversation, as SDKs send them', async () => {
    const { choices } = await openai.chat.completions.create(request)
    const message = choices[0]?.message
    if (message === undefined) throw new Error('no answer')
    const next = await openai.chat.completions.create({
      ...request,
      messages: [...messages, message, ...messages],
    })
    expect(next.choices[0]?.message.content).toContain(numbers)
  })

  it('lists the served models if no peer serves the one requested', async () => {
    await expect(
      openai.chat.completions.create({ ...request, model: 'not-served' }),
    ).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
    const { data } = await openai.models.list()
    expect(data.map(({ id }) => id)).toContain('m')
    expect((await openai.models.retrieve('m')).owned_by).toBe('skein')
  })

  it('embeds, as numbers and as base64', async () => {
    const input = ['one', 'two']
    const packed = await openai.embeddings.create({ model: 'm', input })
    const plain = await openai.embeddings.create({ model: 'm', input, encoding_format: 'float' })
    expect(packed.data).toHaveLength(2)
    packed.data.forEach(({ embedding }, index) => {
      const expected = plain.data[index]?.embedding ?? []
      expect(embedding).toHaveLength(expected.length)
      for (const [at, value] of embedding.entries()) {
        expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 5)
      }
    })
  })

  it('frees the engine when the caller leaves', async () => {
    const { backend } = await swarm.node({
      models: [{ id: 'slow' }],
      script: () => ({ fault: { type: 'stall', afterTokens: 3 } }),
    })
    const controller = new AbortController()
    const { signal } = controller
    const asked = openai.chat.completions.create({ ...request, model: 'slow' }, { signal })
    asked.catch(() => {})
    await expect.poll(() => backend.active, { timeout: 20_000 }).toBe(1)
    controller.abort()
    await expect(asked).rejects.toThrow('aborted')
    await backend.idle()
    expect(backend.aborted).toBe(1)
  })

  it('finishes running requests before it stops, and accepts no new ones', async () => {
    const stream = await openai.chat.completions.create({ ...request, stream: true })
    const closing = server.close()
    let text = ''
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? ''
    expect(text).toContain(numbers)
    await closing
    await expect(openai.models.list()).rejects.toThrow('Connection error')
  })
})

describe('chats in-process', () => {
  it('go through the same SDK by `fetch`, whatever the host', async () => {
    const { fetch } = createGateway(await swarm.client())
    const inProcess = new OpenAI({ apiKey: 'none', baseURL: 'http://skein.local/v1', fetch })
    const stream = inProcess.chat.completions.stream(request)
    expect((await stream.finalMessage()).content).toContain(numbers)
    const { object } = await inProcess.chat.completions.create(request)
    expect(object).toBe('chat.completion')
  })
})
