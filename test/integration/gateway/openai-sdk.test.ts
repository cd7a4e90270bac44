import OpenAI, {
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  RateLimitError,
} from 'openai'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { ScriptedBackend } from '../../../backend/index.ts'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import {
  createApiKey,
  createGateway,
  type Gateway,
  type GatewayServer,
  serveGateway,
} from '../../../gateway/index.ts'
import { InferenceError, type InferenceRequest } from '../../../protocol/index.ts'
import { AnswerChecks } from '../../../testing/answer-checks.ts'
import { LiveSwarm } from '../../../testing/swarms/live-swarm.ts'

const messages = [{ role: 'user' as const, content: 'Count from 1 to 20.' }]
const numbers = Array.from({ length: 20 }, (_, i) => i + 1).join(', ')
const failing = [{ role: 'user' as const, content: 'Fail.' }]

let swarm: LiveSwarm
let server: GatewayServer
let gateway: Gateway
let checks: AnswerChecks
const engines: ScriptedBackend[] = []

/** Crashes on one prompt, and is slow with another. */
function behave({ kind, body }: InferenceRequest) {
  const content = kind === 'chat' ? body.messages.at(-1)?.content : ''
  if (content === 'Fail.') {
    const error = new InferenceError('engine_failed', 'the engine failed as it was told to')
    return { fault: { type: 'throw', error } as const }
  }
  if (content === 'Hang.') return { fault: { type: 'stall' } as const }
  return content === 'Slowly.' ? { answer: 'word '.repeat(2_000), paceMs: 10 } : undefined
}

beforeAll(async () => {
  checks = new AnswerChecks()
  swarm = await LiveSwarm.create()
  for (let i = 0; i < 3; i += 1) {
    engines.push((await swarm.node({ models: [{ id: 'm' }], script: behave })).backend)
  }
  const client = await swarm.client()
  await vi.waitFor(async () => expect(await client.peers()).toHaveLength(3), { timeout: 30_000 })
  server = await serveGateway(client, { port: 0, drainMs: 5_000 })
  gateway = createGateway(client)
})
afterAll(async () => {
  await server.close()
  await swarm[Symbol.asyncDispose]()
})
afterEach(() => {
  expect(checks.violations.splice(0)).toEqual([])
})

const callsOf = (content: string): number =>
  engines
    .flatMap(({ calls }) => calls)
    .filter(({ request }) => {
      return request.kind === 'chat' && request.body.messages.at(-1)?.content === content
    }).length

const idle = async (): Promise<void> => {
  await Promise.all(engines.map((engine) => engine.idle()))
}

const ways = [
  ['over HTTP', () => ({ baseURL: `${server.url}/v1`, fetch: checks.over(fetch) })],
  ['in-process', () => ({ baseURL: 'http://skein.local/v1', fetch: checks.over(gateway.fetch) })],
] as const

describe.each(ways)('openai, %s', (_, way) => {
  const sdk = (): OpenAI => new OpenAI({ apiKey: 'none', maxRetries: 0, ...way() })

  it('gets the same embeddings as base64, its default, and as numbers', async () => {
    const input = ['one', 'two', 'three']
    const packed = await sdk().embeddings.create({ model: 'm', input })
    const plain = await sdk().embeddings.create({ model: 'm', input, encoding_format: 'float' })
    expect(plain.data.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(packed.data.map(({ embedding }) => embedding)).toEqual(
      plain.data.map(({ embedding }) => [...Float32Array.from(embedding)]),
    )
    expect(plain.usage.prompt_tokens).toBeGreaterThan(0)
  })

  it('gets as many dimensions as it asks for', async () => {
    const { data } = await sdk().embeddings.create({ model: 'm', input: 'one', dimensions: 8 })
    expect(data[0]?.embedding).toHaveLength(8)
  })

  it('lists the models, and retrieves one', async () => {
    const ids: string[] = []
    for await (const { id } of sdk().models.list()) ids.push(id)
    expect(ids).toEqual(['m'])
    expect(await sdk().models.retrieve('m')).toMatchObject({ id: 'm', object: 'model' })
    await expect(sdk().models.retrieve('other')).rejects.toThrow(NotFoundError)
  })

  it('gets the usage in a last chunk without choices', async () => {
    const stream = await sdk().chat.completions.create({
      ...{ model: 'm', messages, stream: true, stream_options: { include_usage: true } },
    })
    const chunks: OpenAI.ChatCompletionChunk[] = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.at(-1)?.choices).toEqual([])
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(20)
    expect(new Set(chunks.slice(0, -1).map(({ usage }) => usage))).toEqual(new Set([null]))
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks.filter(({ choices }) => choices[0]?.delta.role).length).toBe(1)
  })

  it('gets log probabilities in a stream', async () => {
    const stream = await sdk().chat.completions.create({
      ...{ model: 'm', messages, stream: true, logprobs: true, top_logprobs: 1 },
    })
    let tokens = ''
    for await (const { choices } of stream) {
      for (const { token } of choices[0]?.logprobs?.content ?? []) tokens += token
    }
    expect(tokens).toContain(numbers)
  })

  it('gets log probabilities of completions, whole and streamed', async () => {
    const asked = { model: 'm', prompt: 'Count from 1 to 20.', logprobs: 1 }
    const whole = await sdk().completions.create(asked)
    const spelled = whole.choices[0]?.logprobs?.tokens?.join('')
    let tokens = ''
    for await (const { choices } of await sdk().completions.create({ ...asked, stream: true })) {
      tokens += choices[0]?.logprobs?.tokens?.join('') ?? ''
    }
    expect(tokens).toContain(numbers)
    expect(spelled).toBe(tokens)
  })

  it('ends at a stop string or the length limit, with the matching finish reason', async () => {
    const stopped = await sdk().chat.completions.create({ model: 'm', messages, stop: [', 5'] })
    expect(stopped.choices[0]).toMatchObject({
      message: { content: '1, 2, 3, 4' },
      finish_reason: 'stop',
    })
    const cut = await sdk().chat.completions.create({
      ...{ model: 'm', messages, max_completion_tokens: 3 },
    })
    expect(cut.choices[0]?.finish_reason).toBe('length')
    expect(cut.usage?.completion_tokens).toBe(3)
  })

  it.each([
    ['Hang.', 'before the first token'],
    ['Slowly.', 'in the middle'],
  ])('frees the engine when the caller aborts: %s', async (content) => {
    const caller = new AbortController()
    const before = engines.reduce((sum, { aborted }) => sum + aborted, 0)
    const asked = sdk().chat.completions.create(
      { model: 'm', messages: [{ role: 'user', content }], stream: true },
      { signal: caller.signal },
    )
    if (content === 'Hang.') {
      await vi.waitFor(() => expect(engines.some(({ active }) => active > 0)).toBe(true), {
        timeout: 20_000,
      })
      caller.abort()
      await expect(asked).rejects.toThrow(APIUserAbortError)
    } else {
      let pieces = 0
      for await (const _chunk of await asked) {
        pieces += 1
        if (pieces === 3) caller.abort()
      }
    }
    await idle()
    expect(engines.reduce((sum, { aborted }) => sum + aborted, 0)).toBeGreaterThan(before)
  })

  it('frees the engine when the caller leaves the loop', async () => {
    const stream = await sdk().chat.completions.create({
      ...{ model: 'm', messages: [{ role: 'user', content: 'Slowly.' }], stream: true },
    })
    for await (const _chunk of stream) break
    await idle()
  })

  it('does not retry by default if the network already has', async () => {
    const { baseURL, fetch } = way()
    let requests = 0
    const counted = (...args: Parameters<typeof fetch>): ReturnType<typeof fetch> => {
      requests += 1
      return fetch(...args)
    }
    const before = callsOf('Fail.')
    const eager = new OpenAI({ apiKey: 'none', baseURL, fetch: counted })
    const asked = eager.chat.completions.create({
      ...{ model: 'm', messages: failing },
    })
    await expect(asked).rejects.toMatchObject({ status: 502, code: 'engine_failed' })
    expect(requests).toBe(1)
    // A request that fails two engines is not retried.
    expect(callsOf('Fail.') - before).toBeLessThanOrEqual(3)
  })

  it('throws its own error classes', async () => {
    const chat = (more: object) => sdk().chat.completions.create({ model: 'm', messages, ...more })
    await expect(chat({ model: 'other' })).rejects.toThrow(NotFoundError)
    await expect(chat({ temperature: 9 })).rejects.toThrow(BadRequestError)
    await expect(chat({ temperature: 9 })).rejects.toMatchObject({ param: 'temperature' })
    await expect(chat({ messages: [] })).rejects.toMatchObject({ param: 'messages' })
    await expect(chat({ num_ctx: 1 })).rejects.toMatchObject({ param: 'num_ctx' })
  })
})

describe('openai without access', () => {
  it('gets 401 for a wrong key, and its rate limits', async () => {
    const { key, kept } = createApiKey('a')
    const guarded = createGateway(await swarm.client(), {
      apiKeys: [kept],
      rateLimits: { requestsPerMinute: 1 },
    })
    const init = { baseURL: 'http://skein.local/v1', fetch: checks.over(guarded.fetch) }
    const stranger = new OpenAI({ apiKey: 'none', ...init })
    const known = new OpenAI({ apiKey: key, maxRetries: 0, ...init })
    const ask = (sdk: OpenAI) => sdk.chat.completions.create({ model: 'm', messages })
    await expect(ask(stranger)).rejects.toThrow(AuthenticationError)
    await ask(known)
    const refused = await ask(known).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(RateLimitError)
    const { headers } = refused as RateLimitError
    expect(headers?.get('x-should-retry')).toBe('true')
    expect(Number(headers?.get('retry-after-ms'))).toBeGreaterThan(0)
    await guarded.close()
  })

  it('waits as long as retry-after says', async () => {
    const retryAfterMs = 1_200
    const askedAt: number[] = []
    const client = {
      chat: async () => {
        askedAt.push(performance.now())
        if (askedAt.length === 1) {
          throw new InferenceError('over_capacity', 'all are busy', { retryAfterMs })
        }
        throw new InferenceError('invalid_request', 'enough')
      },
    } as unknown as GatewayClient
    const { fetch } = createGateway(client)
    const sdk = new OpenAI({ apiKey: 'none', baseURL: 'http://skein.local/v1', fetch })
    const asked = sdk.chat.completions.create({ model: 'm', messages })
    await expect(asked).rejects.toThrow(BadRequestError)
    // Its own first pause is half a second at most.
    expect((askedAt[1] ?? 0) - (askedAt[0] ?? 0)).toBeGreaterThanOrEqual(retryAfterMs - 5)
  })
})

it('has compared answers, chunks, embeddings, models and errors with the types of the SDK', () => {
  const { compared } = checks
  for (const name of ['Chat', 'ChatChunk', 'Completion', 'CompletionChunk', 'Embeddings']) {
    expect(compared.get(name), name).toBeGreaterThan(0)
  }
  for (const name of ['Model', 'Models', 'Failure']) {
    expect(compared.get(name), name).toBeGreaterThan(0)
  }
})
