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
  const status = async (key: string, model = 'm', more: object = {}): Promise<number> => {
    const response = await gateway.fetch('http://localhost/v1/embeddings', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, input: 'x', ...more }),
    })
    return response.status
  }
  return { embed, status }
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

  it('has limits in place of the gateway’s', async () => {
    const own = new Map([
      ['anna', { requestsPerMinute: 3 }],
      ['otto', { requestsPerMinute: 100, requestsPerDay: 1 }],
    ])
    const limit = createRateLimit(
      () => ({ requestsPerMinute: 2 }),
      (caller) => own.get(caller) ?? {},
    )
    const allowed = async (caller: string): Promise<number> => {
      for (let count = 0; ; count += 1) {
        const headers = await limit.request(caller).catch(() => undefined)
        if (headers === undefined) return count
      }
    }
    expect(await allowed('anna')).toBe(3)
    expect(await allowed('otto')).toBe(1)
    expect(await allowed('others')).toBe(2)
    await expect(limit.request('otto')).rejects.toThrow('requests per day')
  })

  it('counts tokens for the minute and the day', async () => {
    const limit = createRateLimit(
      () => ({}),
      () => ({ tokensPerMinute: 10, tokensPerDay: 15 }),
    )
    const one = await limit.reserve('anna', () => 9)
    expect(await limit.request('anna')).toMatchObject({ 'x-ratelimit-remaining-tokens': '1' })
    one?.charge(15)
    await expect(limit.request('anna')).rejects.toMatchObject({
      code: 'rate_limited',
      message: 'this key has used its 10 tokens per minute',
    })
    // An estimate that was too high is corrected in both windows.
    one?.charge(9)
    await limit.request('anna')
  })
})
