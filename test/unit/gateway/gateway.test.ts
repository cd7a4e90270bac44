import { describe, expect, it, vi } from 'vitest'
import type { ChatCompletion } from '../../../client/index.ts'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import { createApiKey, createGateway, type GatewayInit } from '../../../gateway/index.ts'
import { InferenceError } from '../../../protocol/index.ts'

const answer: ChatCompletion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'Hello.', refusal: null },
      finish_reason: 'stop',
      logprobs: null,
    },
  ],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  skein: {
    peerId: 'p',
    policy: 'hedge',
    attempts: [],
    resumes: 0,
    exact: true,
    cost: { attempts: 0, promptTokens: 0, completionTokens: 0, estimated: false },
  },
}

/** A client with scripted chats. */
function gatewayOver(chat: () => Promise<ChatCompletion>, init: GatewayInit = {}) {
  const client = {
    chat: vi.fn(chat),
    models: async () => [],
  } as unknown as GatewayClient & { chat: ReturnType<typeof vi.fn> }
  const gateway = createGateway(client, init)
  const post = async (
    body: unknown = { model: 'm', messages: [] },
    headers: Record<string, string> = {},
    path = '/v1/chat/completions',
  ): Promise<Response> =>
    await gateway.fetch(`http://skein.local${path}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    })
  return { client, gateway, post }
}

const answers = async (): Promise<ChatCompletion> => answer

const REPORT = {
  outcome: 'failed',
  positions: 9,
  misses: 9,
  hardMisses: 9,
  meanMargin: 5,
  logRatio: 9,
  by: [],
  asked: 1,
  tokens: 9,
} as const

describe('models', () => {
  const names = {
    aliases: ['Fast'],
    providers: [{ name: 'cloud', models: ['gpt-x'] }],
  }
  const listed = async (models: () => Promise<unknown>, path = ''): Promise<Response> => {
    const client = { models, names } as unknown as GatewayClient
    return await createGateway(client).fetch(`http://skein.local/v1/models${path}`)
  }
  const noPeers = async (): Promise<never> => {
    throw new InferenceError('no_peers', 'no peer is known')
  }

  it('are those of the swarm, the aliases and those of the providers', async () => {
    const served = { id: 'm', aliases: ['n'], contextLength: 8, capabilities: [], peers: ['p'] }
    const body = (await (await listed(async () => [served])).json()) as { data: { id: string }[] }
    expect(body.data.map(({ id }) => id)).toEqual(['m', 'Fast', 'cloud/gpt-x'])
    expect(await (await listed(async () => [served], '/n')).json()).toMatchObject({ id: 'm' })
  })

  it('are aliases and provider models if no peer is known', async () => {
    expect((await listed(noPeers)).status).toBe(200)
    expect(await (await listed(noPeers, '/cloud/gpt-x')).json()).toMatchObject({
      id: 'cloud/gpt-x',
      owned_by: 'cloud',
    })
    expect((await listed(noPeers, '/other')).status).toBe(404)
  })
})

describe('errors', () => {
  it.each([
    ['{', 'the body is not JSON'],
    ['[]', 'the body is not a JSON object'],
  ])('a body that is %s is told as such', async (body, message) => {
    const response = await gatewayOver(answers).post(body)
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      error: { message, type: 'invalid_request_error', param: null, code: 'invalid_request' },
    })
  })

  it('have the form and the headers that SDKs read', async () => {
    const { post } = gatewayOver(async () => {
      throw new InferenceError('over_capacity', 'all peers are busy', { retryAfterMs: 1_500 })
    })
    const response = await post()
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('2')
    expect(response.headers.get('retry-after-ms')).toBe('1500')
    expect(response.headers.get('x-should-retry')).toBe('true')
  })

  it('tell an SDK not to retry if the network already has', async () => {
    const attempt = {
      peerId: 'p',
      reason: 'first',
      startedMs: 0,
      outcome: 'engine_failed',
    } as const
    const attempts = [{ ...attempt, durationMs: 1, tokens: 0, deliveredTokens: 0 }]
    const { post } = gatewayOver(async () => {
      throw new InferenceError('engine_failed', 'all died', { details: { attempts } })
    })
    const response = await post()
    expect(response.status).toBe(502)
    expect(response.headers.get('x-should-retry')).toBe('false')
    expect(response.headers.get('x-skein-attempts')).toBe('1')
  })

  it('carry the evidence of a failed check, bounded', async () => {
    const parts = Array.from({ length: 500 }, (_, index) => ({ ...REPORT, peerId: `p${index}` }))
    const { post } = gatewayOver(async () => {
      const details = { verification: { status: 'failed' as const, parts } }
      throw new InferenceError('verification_failed', 'it is not what it is said to be', {
        details,
      })
    })
    const response = await post()
    expect(response.status).toBe(502)
    expect(response.headers.get('x-skein-verification')).toBe('failed')
    const { error } = (await response.json()) as {
      error: { skein: { verification: { parts: object[] } } }
    }
    expect(error.skein.verification.parts).toEqual(parts.slice(0, 32))
  })

  it('do not reveal internal failures', async () => {
    const log = vi.fn()
    const { post } = gatewayOver(
      async () => {
        throw new TypeError('secret path')
      },
      { log },
    )
    const response = await post()
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret')
    expect(log).toHaveBeenCalledWith(expect.stringContaining('secret path'), {
      requestId: response.headers.get('x-request-id'),
    })
  })

  it('name an unknown path', async () => {
    const response = await gatewayOver(answers).post({}, {}, '/v1/images')
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { code: 'not_found' } })
  })

  it('refuse a body that is too long, whether or not its length is announced', async () => {
    const { gateway, post } = gatewayOver(answers, { maxBodyBytes: 100 })
    const long = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(200) }] }
    expect((await post(long)).status).toBe(413)
    const response = await gateway.fetch('http://skein.local/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify(long),
      headers: { 'content-type': 'application/json', 'content-length': '1000' },
    })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({
      error: { message: 'the body is longer than 100 bytes', code: 'request_too_large' },
    })
    const anthropic = await post(long, {}, '/v1/messages')
    expect(anthropic.status).toBe(413)
    expect(await anthropic.json()).toMatchObject({ error: { type: 'request_too_large' } })
  })

  it.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['DELETE', '/v1/models/a/b', 'GET, HEAD'],
    ['PUT', '/v1/files/file-1', 'GET, DELETE, HEAD'],
    ['GET', '/api/chat', 'POST'],
    ['POST', '/healthz', 'GET, HEAD'],
  ])('name the methods of a path: %s %s', async (method, path, allow) => {
    const { gateway } = gatewayOver(answers)
    const response = await gateway.fetch(`http://skein.local${path}`, { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe(allow)
    expect(await response.text()).toContain(allow)
  })
})

describe('who may call', () => {
  it('is a caller with a key, in either header', async () => {
    const { key, kept } = createApiKey('anna')
    const { post } = gatewayOver(answers, { apiKeys: [createApiKey('otto').kept, kept] })
    expect((await post()).status).toBe(401)
    expect((await post(undefined, { authorization: 'Bearer wrong' })).status).toBe(401)
    expect((await post(undefined, { authorization: `Bearer ${key}` })).status).toBe(200)
    expect((await post(undefined, { 'x-api-key': key })).status).toBe(200)
    expect(JSON.stringify(kept)).not.toContain(key)
  })

  it.each(['/healthz', '/health'])('needs no key for health checks: %s', async (path) => {
    const { gateway } = gatewayOver(answers, { apiKeys: [createApiKey('anna').kept] })
    expect((await gateway.fetch(`http://skein.local${path}`)).status).toBe(200)
  })

  it('is no page of another origin, unless it is on the list', async () => {
    const origin = 'https://chat.example'
    const closed = gatewayOver(answers)
    expect((await closed.post(undefined, { origin })).status).toBe(401)
    expect(closed.client.chat).not.toHaveBeenCalled()
    const listed = gatewayOver(answers, { corsOrigins: [origin] })
    const response = await listed.post(undefined, { origin })
    expect(response.status).toBe(200)
    expect(response.headers.get('access-control-allow-origin')).toBe(origin)
  })

  it.each(['evil.example:4810', '127.0.0.1.evil.example', 'localhost.evil.example', 'evil.locals'])(
    'is no page whose name points here: %s',
    async (host) => {
      const { client, post } = gatewayOver(answers, { allowedHosts: ['box.example'] })
      const response = await post(undefined, { host })
      expect(response.status).toBe(421)
      expect(await response.text()).toContain('--allow-host')
      expect(client.chat).not.toHaveBeenCalled()
    },
  )

  it.each([
    '127.0.0.1:4810',
    '192.168.1.5:4810',
    '[::1]:4810',
    '[fd00::5]',
    'localhost',
    'desk.local:4810',
    'host.docker.internal:4810',
    'Box.Example:4810',
    'box.example.:4810',
  ])('may use an address, a reserved name, or an allowed one: %s', async (host) => {
    const { post } = gatewayOver(answers, { allowedHosts: ['box.example'] })
    expect((await post(undefined, { host })).status).toBe(200)
  })

  it('may use any name with a key; health checks need neither', async () => {
    const { key, kept } = createApiKey('anna')
    const { gateway, post } = gatewayOver(answers, { apiKeys: [kept], allowedHosts: [] })
    const host = 'gpu.example:4810'
    expect((await post(undefined, { host, authorization: `Bearer ${key}` })).status).toBe(200)
    expect((await post(undefined, { host })).status).toBe(401)
    const open = gatewayOver(answers, { allowedHosts: [] }).gateway
    for (const { fetch } of [gateway, open]) {
      expect((await fetch('http://skein.local/healthz', { headers: { host } })).status).toBe(200)
    }
  })

  it.each(['node', '4', 'many', '-1', '1.5', '1e0', '0x1', '', '1, 1', '9'.repeat(400)])(
    'is no loop: %j hops',
    async (hops) => {
      const { post } = gatewayOver(answers)
      const refused = await post(undefined, { 'x-skein-hops': hops })
      expect(refused.status).toBe(400)
      expect(await refused.json()).toMatchObject({ error: { code: 'invalid_request' } })
      expect((await post(undefined, { 'x-skein-hops': '3' })).status).toBe(200)
    },
  )

  it('waits once its requests of the minute are used', async () => {
    const { post } = gatewayOver(answers, { rateLimits: { requestsPerMinute: 2 } })
    const first = await post()
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    await post()
    const refused = await post()
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after-ms'))).toBeGreaterThan(0)
    expect(await refused.json()).toMatchObject({ error: { code: 'rate_limited' } })
  })

  it('waits once its tokens of the minute are used', async () => {
    const { post } = gatewayOver(answers, { rateLimits: { tokensPerMinute: 8 } })
    expect((await post()).status).toBe(200)
    expect((await post()).status).toBe(200)
    expect((await post()).status).toBe(429)
  })
})

describe('idempotency keys', () => {
  const withKey = (key: string) => ({ 'idempotency-key': key })

  it('join the running request, and get the stored answer afterwards', async () => {
    const { promise, resolve } = Promise.withResolvers<ChatCompletion>()
    const { client, post } = gatewayOver(async () => await promise)
    const both = [post(undefined, withKey('a')), post(undefined, withKey('a'))]
    resolve(answer)
    const texts = await Promise.all(both.map(async (response) => await (await response).text()))
    const later = await post(undefined, withKey('a'))
    expect(new Set([...texts, await later.text()]).size).toBe(1)
    expect(later.headers.get('x-skein-replayed')).toBe('true')
    expect(client.chat).toHaveBeenCalledTimes(1)
  })

  it('refuse another body', async () => {
    const { post } = gatewayOver(answers)
    await (await post(undefined, withKey('a'))).text()
    const other = await post({ model: 'other', messages: [] }, withKey('a'))
    expect(other.status).toBe(400)
    expect(await other.json()).toMatchObject({ error: { param: 'Idempotency-Key' } })
  })

  it('of two callers are two keys', async () => {
    const anna = createApiKey('anna')
    const otto = createApiKey('otto')
    const { client, post } = gatewayOver(answers, { apiKeys: [anna.kept, otto.kept] })
    for (const { key } of [anna, otto]) {
      await (await post(undefined, { ...withKey('a'), authorization: `Bearer ${key}` })).text()
    }
    expect(client.chat).toHaveBeenCalledTimes(2)
  })

  it('let failures be retried', async () => {
    let calls = 0
    const { post } = gatewayOver(async () => {
      calls += 1
      if (calls === 1) throw new InferenceError('no_peers', 'no peer is known')
      return answer
    })
    const failed = await post(undefined, withKey('a'))
    expect(failed.status).toBe(503)
    await failed.text()
    expect((await post(undefined, withKey('a'))).status).toBe(200)
  })

  it('let a caller who left come back to the answer', async () => {
    const { client, post } = gatewayOver(answers)
    const left = await post(undefined, withKey('a'))
    await left.body?.cancel()
    const response = await post(undefined, withKey('a'))
    expect(await response.json()).toMatchObject({ object: 'chat.completion' })
    expect(client.chat).toHaveBeenCalledTimes(1)
  })
})
