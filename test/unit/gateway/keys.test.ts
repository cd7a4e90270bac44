import { describe, expect, it, vi } from 'vitest'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import { type ApiKey, createApiKey, createGateway } from '../../../gateway/index.ts'
import { KeyRing } from '../../../gateway/security/index.ts'
import { createRateLimit } from '../../../gateway/security/rate-limit.ts'

const EMBEDDED = {
  object: 'list',
  data: [],
  model: 'm',
  usage: { prompt_tokens: 1, total_tokens: 1 },
  skein: {
    peerId: 'p',
    policy: 'hedge',
    attempts: [],
    resumes: 0,
    exact: true,
    cost: { attempts: 0, promptTokens: 0, completionTokens: 0, estimated: false },
  },
}

function gatewayWith(keys: () => readonly ApiKey[], now = () => 0) {
  const embed = vi.fn(async () => EMBEDDED)
  const client = {
    embed,
    models: async () => [],
    observe: () => () => undefined,
  } as unknown as GatewayClient
  const gateway = createGateway(client, { apiKeys: keys, now, allowedHosts: [] })
  const ask = async (key: string, model = 'm', more: object = {}): Promise<Response> =>
    await gateway.fetch('http://localhost/v1/embeddings', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, input: 'x', ...more }),
    })
  const status = async (...asked: Parameters<typeof ask>): Promise<number> =>
    (await ask(...asked)).status
  return { embed, ask, status, gateway }
}

describe('keys that change while the gateway runs', () => {
  it('are accepted once added and refused once removed', async () => {
    const [anna, otto] = [createApiKey('anna'), createApiKey('otto')]
    let keys: readonly ApiKey[] = [anna.kept]
    const { status } = gatewayWith(() => keys)
    expect(await status(anna.key)).toBe(200)
    expect(await status(otto.key)).toBe(401)
    keys = [otto.kept]
    expect(await status(anna.key)).toBe(401)
    expect(await status(otto.key)).toBe(200)
  })

  it('get no answer that was kept for another key of the name, or before a change of rights', async () => {
    const [first, second] = [createApiKey('anna'), createApiKey('anna')]
    let keys: readonly ApiKey[] = [first.kept]
    const { embed, gateway } = gatewayWith(() => keys)
    const isReplayed = async (key: string): Promise<boolean> => {
      const response = await gateway.fetch('http://localhost/v1/embeddings', {
        method: 'POST',
        headers: {
          ...{ 'content-type': 'application/json', authorization: `Bearer ${key}` },
          'idempotency-key': 'one',
        },
        body: JSON.stringify({ model: 'm', input: 'x' }),
      })
      await response.text()
      return response.headers.get('x-skein-replayed') === 'true'
    }
    expect(await isReplayed(first.key)).toBe(false)
    expect(await isReplayed(first.key)).toBe(true)
    keys = [{ ...first.kept, peers: ['p'] }]
    expect(await isReplayed(first.key)).toBe(false)
    expect(await isReplayed(first.key)).toBe(true)
    keys = [second.kept]
    expect(await isReplayed(second.key)).toBe(false)
    expect(embed).toHaveBeenCalledTimes(3)
  })

  it('are required from the start where there are some, even if they are removed unused', async () => {
    let keys: readonly ApiKey[] = [createApiKey('anna').kept]
    const { status } = gatewayWith(() => keys)
    keys = []
    expect(await status('anything')).toBe(401)
  })

  it('are required from the first one on, even when all are removed', async () => {
    const anna = createApiKey('anna')
    let keys: readonly ApiKey[] = []
    const { status } = gatewayWith(() => keys)
    expect(await status('anything')).toBe(200)
    keys = [anna.kept]
    expect(await status('anything')).toBe(401)
    keys = []
    expect(await status('anything')).toBe(401)
    expect(await status(anna.key)).toBe(401)
  })
})

describe('a request that waited', () => {
  it('is refused if its key was removed or has expired meanwhile', () => {
    const anna = createApiKey('anna', { expiresAtMs: 1_000 })
    let keys: readonly ApiKey[] = [anna.kept]
    let nowMs = 0
    const ring = new KeyRing(
      () => keys,
      () => nowMs,
    )
    ring.checkModels('anna', { model: 'm' })
    nowMs = 1_000
    expect(() => ring.checkModels('anna', { model: 'm' })).toThrow('expired')
    nowMs = 0
    keys = []
    expect(() => ring.checkModels('anna', { model: 'm' })).toThrow('removed')
  })
})

describe('the peers and providers of a key', () => {
  const [mine, other] = ['peer-1', 'peer-2']
  const ring = (rights: Parameters<typeof createApiKey>[1]) => {
    const { kept } = createApiKey('anna', rights)
    return new KeyRing([kept], () => 0)
  }

  it('are the only ones that its requests trust', () => {
    const keys = ring({ peers: [mine] })
    expect(keys.within('anna', {})).toEqual({ trusted: [mine] })
    expect(keys.within('anna', { trusted: [other, mine] })).toEqual({ trusted: [mine] })
    expect(() => keys.within('anna', { trusted: [other] })).toThrow('none of the peers')
    expect(keys.within('otto', { trusted: [other] })).toEqual({ trusted: [other] })
  })

  it('may include providers, but not for a request that trusts peers itself', () => {
    const keys = ring({ peers: [mine], providers: ['openai'] })
    expect(keys.within('anna', {})).toEqual({ trusted: [mine], providers: ['openai'] })
    expect(keys.within('anna', { trusted: [mine] })).toEqual({ trusted: [mine] })
    expect(ring({ providers: [] }).within('anna', {})).toEqual({ providers: [] })
  })

  it('hold on every way to an answer', async () => {
    const { kept, key } = createApiKey('anna', { peers: [mine], providers: ['openai'] })
    const { embed, status } = gatewayWith(() => [kept])
    expect(await status(key)).toBe(200)
    expect(embed).toHaveBeenCalledWith(
      expect.anything(),
      expect.objectContaining({ trusted: [mine], providers: ['openai'] }),
    )
  })
})

describe('the headers of limits', () => {
  it('are those after the request, also of one that was refused', async () => {
    const { kept, key } = createApiKey('anna', { requestsPerMinute: 1, tokensPerDay: 1_000 })
    const { ask } = gatewayWith(() => [kept])
    const { headers } = await ask(key)
    expect(headers.get('x-ratelimit-limit-requests')).toBe('1')
    expect(headers.get('x-ratelimit-remaining-requests')).toBe('0')
    expect(headers.get('x-ratelimit-reset-requests')).toMatch(/^(1m0s|\d+(\.\d+)?s)$/)
    expect(headers.get('x-ratelimit-remaining-tokens')).toBe('999')
    expect(headers.get('x-ratelimit-reset-tokens')).toMatch(/^(24h0m0s|23h59m\d+(\.\d+)?s)$/)
    const refused = await ask(key)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0')
    expect(refused.headers.get('x-should-retry')).toBe('true')
  })

  it('tell an SDK not to wait for a budget that begins anew next month', async () => {
    const budget = { tokens: 1, per: 'month' } as const
    const { kept, key } = createApiKey('anna', { budget })
    const { ask } = gatewayWith(() => [kept])
    const first = await ask(key)
    expect(first.headers.get('x-skein-budget-remaining')).toBe('0')
    const refused = await ask(key)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('x-should-retry')).toBe('false')
    expect(await refused.text()).toContain('its budget of 1 tokens per month')
  })
})

describe('a key with rights of its own', () => {
  it('ends when it expires', async () => {
    const anna = createApiKey('anna', { expiresAtMs: 1_000 })
    let nowMs = 999
    const { status } = gatewayWith(
      () => [anna.kept],
      () => nowMs,
    )
    expect(await status(anna.key)).toBe(200)
    nowMs = 1_000
    expect(await status(anna.key)).toBe(401)
  })

  it('may use its models by the name that callers use, and no other', async () => {
    const anna = createApiKey('anna', { models: ['fast', 'a,b,auto'] })
    const otto = createApiKey('otto')
    const { embed, status } = gatewayWith(() => [anna.kept, otto.kept])
    expect(await status(anna.key, 'fast')).toBe(200)
    expect(await status(anna.key, 'a,b,auto')).toBe(200)
    embed.mockClear()
    expect(await status(anna.key, 'auto')).toBe(404)
    // The rest of a chain is held to the same list.
    expect(await status(anna.key, 'fast', { models: ['auto'] })).toBe(404)
    expect(await status(anna.key, 'fast', { models: 'auto' })).toBe(404)
    expect(embed).not.toHaveBeenCalled()
    expect(await status(otto.key, 'auto')).toBe(200)
  })

  it('has limits in place of the gateway’s', () => {
    const own = new Map([
      ['anna', { requestsPerMinute: 3 }],
      ['otto', { requestsPerMinute: 100, requestsPerDay: 1 }],
    ])
    const limit = createRateLimit(
      () => ({ requestsPerMinute: 2 }),
      (caller) => own.get(caller) ?? {},
    )
    const allowed = (caller: string): number => {
      for (let count = 0; ; count += 1) {
        try {
          limit.request(caller)
        } catch {
          return count
        }
      }
    }
    expect(allowed('anna')).toBe(3)
    expect(allowed('otto')).toBe(1)
    expect(allowed('others')).toBe(2)
    expect(() => limit.request('otto')).toThrow('requests per day')
  })

  it('counts tokens for the minute and the day', () => {
    const limit = createRateLimit(
      () => ({}),
      () => ({ tokensPerMinute: 10, tokensPerDay: 15 }),
    )
    const one = limit.reserve('anna', () => 9)
    expect(limit.headers('anna')).toMatchObject({ 'x-ratelimit-remaining-tokens': '1' })
    one?.charge(15)
    expect(() => limit.request('anna')).toThrow(
      expect.objectContaining({
        code: 'rate_limited',
        message: 'this key has used its 10 tokens per minute',
      }),
    )
    // An estimate that was too high is corrected in both windows.
    one?.charge(9)
    limit.request('anna')
  })
})
