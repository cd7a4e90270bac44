import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Anthropic from '@anthropic-ai/sdk'
import { Ollama } from 'ollama'
import OpenAI, { APIError, toFile } from 'openai'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createGateway } from '../../../gateway/index.ts'
import { gatewayClientOf } from '../../../testing/swarms/gateway-client.ts'
import { type ScriptedPeerInit, ScriptedSwarm } from '../../../testing/swarms/scripted-swarm.ts'

vi.setConfig({ testTimeout: 20_000 })

const capabilities = ['chat', 'completion', 'embedding', 'token_ids', 'score'] as const
const rates: ScriptedPeerInit = { model: { capabilities } }
const lies: ScriptedPeerInit = {
  ...rates,
  scriptOf: ({ kind }) => (kind === 'chat' ? { answer: 'a canned answer of many words' } : {}),
}

const messages = [{ role: 'user' as const, content: 'Count from 1 to 9.' }]
const chat = { model: 'm', temperature: 0, messages }
const passed = { status: 'passed', parts: [{ outcome: 'passed', misses: 0, hardMisses: 0 }] }

/** Official SDKs, in-process, with a verification mode in their requests. */
async function sdksOver(peers: readonly ScriptedPeerInit[], verify?: string) {
  const swarm = await ScriptedSwarm.create(peers, { timeoutMs: 5_000 })
  onTestFinished(() => swarm[Symbol.asyncDispose]())
  const stateDir = await mkdtemp(join(tmpdir(), 'skein-verified-'))
  onTestFinished(() => rm(stateDir, { recursive: true, force: true }))
  const gateway = createGateway(gatewayClientOf(swarm.swarm.requester), { stateDir })
  onTestFinished(() => gateway.close())
  const texts: Promise<string>[] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    request.headers.set('x-skein-policy', 'single')
    if (verify !== undefined) request.headers.set('x-skein-verify', verify)
    const response = await gateway.fetch(request)
    texts.push(response.clone().text())
    return response
  }
  const common = { apiKey: 'none', maxRetries: 0, fetch }
  return {
    openai: new OpenAI({ ...common, baseURL: 'http://skein.local/v1' }),
    anthropic: new Anthropic({ ...common, baseURL: 'http://skein.local' }),
    ollama: new Ollama({ host: 'http://skein.local', fetch }),
    fetch,
    /** Body of the last response. */
    sent: async () => (await texts.at(-1)) ?? '',
  }
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of stream) all.push(one)
  return all
}

/** Fields without an SDK type. */
const skeinOf = (value: unknown): unknown => (value as { skein?: { verification?: unknown } }).skein

const failureOf = async (failing: PromiseLike<unknown>): Promise<APIError> =>
  await failing.then(
    () => expect.unreachable('it was to fail'),
    (error: unknown) => error as APIError,
  )

describe('an answer that is to be verified always', () => {
  it('has the verdict in a whole answer and in its headers', async () => {
    const { openai, anthropic, ollama } = await sdksOver([rates, rates, rates], 'always')
    const { data, response } = await openai.chat.completions.create(chat).withResponse()
    expect(skeinOf(data)).toMatchObject({ verification: passed })
    expect(response.headers.get('x-skein-verification')).toBe('passed')
    const completion = await openai.completions.create({ model: 'm', prompt: 'Count from 1 to 9.' })
    expect(skeinOf(completion)).toMatchObject({ verification: { status: 'passed' } })
    const made = await openai.responses.create({ model: 'm', input: messages, temperature: 0 })
    expect(skeinOf(made)).toMatchObject({ verification: passed })
    const message = await anthropic.messages.create({ ...chat, max_tokens: 99 }).withResponse()
    expect(skeinOf(message.data)).toMatchObject({ verification: passed })
    expect(message.response.headers.get('x-skein-verification')).toBe('passed')
    const line = await ollama.chat({ model: 'm', messages, options: { temperature: 0 } })
    expect(skeinOf(line)).toMatchObject({ verification: passed })
  })

  it('has it at the end of a stream', async () => {
    const { openai, anthropic, ollama, sent } = await sdksOver([rates, rates, rates], 'always')
    for (const more of [{}, { stream_options: { include_usage: true } }]) {
      const stream = await openai.chat.completions.create({ ...chat, ...more, stream: true })
      const chunks = await collect(stream)
      expect(skeinOf(chunks.at(-1))).toMatchObject({ verification: passed })
      expect(chunks.slice(0, -1).filter((chunk) => skeinOf(chunk) !== undefined)).toEqual([])
      expect(await sent()).toMatch(/\n: skein \{.*"verification":\{"status":"passed".*\}\n\n/)
    }
    const events = await collect(
      await openai.responses.create({ model: 'm', input: messages, temperature: 0, stream: true }),
    )
    const end = events.at(-1)
    expect(end?.type).toBe('response.completed')
    expect(skeinOf((end as { response?: unknown }).response)).toMatchObject({
      verification: passed,
    })
    const told = await collect(
      await anthropic.messages.create({ ...chat, max_tokens: 99, stream: true }),
    )
    const delta = told.find(({ type }) => type === 'message_delta')
    expect(skeinOf(delta)).toMatchObject({ verification: passed })
    const lines = await collect(
      await ollama.chat({ model: 'm', messages, options: { temperature: 0 }, stream: true }),
    )
    expect(skeinOf(lines.at(-1))).toMatchObject({ verification: passed })
    expect(skeinOf(lines.at(0))).toBeUndefined()
  })

  it('is unverified, with the reason, if no scorer could rate it', async () => {
    const { openai } = await sdksOver([rates], 'always')
    const { data, response } = await openai.chat.completions.create(chat).withResponse()
    expect(skeinOf(data)).toMatchObject({
      verification: { status: 'unverified', why: 'no-scorer' },
    })
    expect(response.headers.get('x-skein-verification')).toBe('unverified')
  })

  it('ends a stream with an error that has the evidence', async () => {
    const { openai, sent } = await sdksOver([lies, rates, rates], 'always')
    const stream = await openai.chat.completions.create({ ...chat, stream: true })
    let text = ''
    const read = async (): Promise<void> => {
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? ''
    }
    const failure = await failureOf(read())
    expect(text).toBe('a canned answer of many words')
    expect(failure).toBeInstanceOf(APIError)
    expect(failure.code).toBe('verification_failed')
    const two = [expect.any(String), expect.any(String)]
    expect(skeinOf(failure.error)).toMatchObject({
      verification: { status: 'failed', parts: [{ outcome: 'failed', by: two }] },
    })
    expect(await sent()).not.toContain('[DONE]')
  })

  it.each([
    ['/v1/responses', { model: 'm', input: messages, temperature: 0, stream: true }],
    ['/v1/messages', { ...chat, max_tokens: 99, stream: true }],
    ['/api/chat', { model: 'm', messages, options: { temperature: 0 } }],
  ])('ends a stream of %s with the evidence, too', async (path, body) => {
    const { fetch } = await sdksOver([lies, rates, rates], 'always')
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    const response = await fetch(`http://skein.local${path}`, init)
    const lines = (await response.text()).split('\n').filter((line) => line !== '')
    expect(lines.at(-1)).toContain('"skein":{"verification":{"status":"failed","parts":[{')
  })
})

describe('an answer whose verification is required', () => {
  it('is an error with the reason if no scorer can rate it', async () => {
    const { openai, anthropic } = await sdksOver([rates], 'required')
    const failure = await failureOf(openai.chat.completions.create(chat))
    expect(failure).toMatchObject({ status: 502, code: 'verification_failed' })
    expect(skeinOf(failure.error)).toMatchObject({
      verification: { status: 'unverified', why: 'no-scorer' },
    })
    expect(failure.headers?.get('x-skein-verification')).toBe('unverified')
    const other = await failureOf(anthropic.messages.create({ ...chat, max_tokens: 99 }))
    expect(skeinOf((other.error as { error: unknown }).error)).toMatchObject({
      verification: { status: 'unverified' },
    })
  })
})

describe('an answer that is not to wait for a verdict', () => {
  it('has no verification field', async () => {
    const { openai, sent } = await sdksOver([rates, rates])
    const { data, response } = await openai.chat.completions.create(chat).withResponse()
    expect(skeinOf(data)).toBeUndefined()
    expect(response.headers.has('x-skein-verification')).toBe(false)
    await collect(await openai.chat.completions.create({ ...chat, stream: true }))
    expect(await sent()).not.toContain('verification')
  })
})

describe('a batch that is to be verified always', () => {
  it('has the verdict in each of its results', async () => {
    const { openai } = await sdksOver([rates, rates, rates], 'always')
    const line = { custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: chat }
    const file = await toFile(Buffer.from(JSON.stringify(line)), 'in.jsonl')
    const { id } = await openai.files.create({ file, purpose: 'batch' })
    const made = await openai.batches.create({
      ...{ input_file_id: id, endpoint: '/v1/chat/completions', completion_window: '24h' },
    })
    const output = await vi.waitFor(
      async () => {
        const batch = await openai.batches.retrieve(made.id)
        expect(batch.output_file_id).toBeTruthy()
        return batch.output_file_id ?? ''
      },
      { timeout: 10_000, interval: 20 },
    )
    const result = JSON.parse(await (await openai.files.content(output)).text())
    expect(skeinOf(result.response.body)).toMatchObject({ verification: passed })
  })
})
