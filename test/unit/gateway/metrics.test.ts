import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { RequestEvent } from '../../../client/index.ts'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import {
  type ApiKey,
  createApiKey,
  createGateway,
  type Gateway,
  type KeyRights,
} from '../../../gateway/index.ts'

const event: RequestEvent = {
  requestId: 'r',
  startedAt: 0,
  kind: 'chat',
  model: 'm',
  policy: 'hedge',
  resume: 'same-model',
  estimatedPromptTokens: 3,
  outcome: 'answered',
  ttftMs: 50,
  durationMs: 1_050,
  attempts: [
    ...(['first', 'hedge', 'resume'] as const).map((reason) => ({
      peerId: 'secret-peer',
      reason,
      startedMs: 0,
      outcome: reason === 'resume' ? ('answered' as const) : ('superseded' as const),
      durationMs: 1,
      tokens: 1,
      deliveredTokens: 1,
      ...(reason === 'first' && { relay: 'secret-relay', relayedBytes: 700 }),
    })),
  ],
  resumes: 1,
  exact: true,
  usage: { promptTokens: 30, completionTokens: 11, cachedPromptTokens: 0 },
  cost: { attempts: 2, promptTokens: 60, completionTokens: 4, estimated: false },
}

function metered(apiKeys: readonly ApiKey[] = []): {
  gateway: Gateway
  tell: (told: RequestEvent) => void
  watched: () => number
} {
  const listeners = new Set<(told: RequestEvent) => void>()
  const client = {
    models: async () => [],
    observe: (listener: (told: RequestEvent) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    stats: () => ({
      inFlight: 2,
      retryBudget: 9.5,
      resumeReserve: 20,
      peers: { known: 5, connected: 3, ejected: 1 },
    }),
  } as unknown as GatewayClient
  return {
    gateway: createGateway(client, { metrics: true, apiKeys }),
    tell: (told) => {
      for (const listener of listeners) listener(told)
    },
    watched: () => listeners.size,
  }
}

async function shown({ gateway }: { gateway: Gateway }): Promise<string> {
  return await (await gateway.fetch('http://skein.local/metrics')).text()
}

describe('metrics', () => {
  it('count each request from its record', async () => {
    const one = metered()
    one.tell(event)
    one.tell({ ...event, outcome: 'no_peers', attempts: [], resumes: 0 })
    const text = await shown(one)
    const labels = 'gen_ai_operation_name="chat",gen_ai_request_model="m"'
    for (const line of [
      `skein_requests_total{${labels},outcome="answered"} 1`,
      `skein_requests_total{${labels},outcome="no_peers"} 1`,
      `gen_ai_server_time_to_first_token_seconds_sum{${labels}} 0.1`,
      `gen_ai_server_time_per_output_token_seconds_sum{${labels}} 0.2`,
      'skein_attempts_total{reason="hedge",outcome="superseded"} 1',
      'skein_hedges_total 1',
      'skein_relayed_bytes_total 700',
      'skein_resumes_total{exact="true"} 1',
      'skein_extra_tokens_total{gen_ai_token_type="input"} 120',
      'skein_requests_in_flight 2',
      'skein_retry_budget 9.5',
      'skein_resume_reserve 20',
      'skein_peers{state="ejected"} 1',
    ]) {
      expect(text).toContain(line)
    }
    expect(text).not.toContain('secret-')
  })

  it('stay bounded, whatever names callers invent', async () => {
    const one = metered()
    for (let i = 0; i < 200; i += 1) {
      one.tell({ ...event, model: `made-up-${i}` })
      await one.gateway.fetch(`http://skein.local/made-up-${i}`)
    }
    const text = await shown(one)
    expect(text).toContain('gen_ai_request_model="other"')
    expect(text).not.toContain('made-up-100')
    expect(text).toContain('skein_http_requests_total{route="other",status="404"} 200')
  })

  it.each<[rights: KeyRights, status: number]>([
    [{}, 200],
    [{ priority: 'high' }, 200],
    [{ onlyMetrics: true }, 200],
    [{ onlyMetrics: true, expiresAtMs: Number.MAX_SAFE_INTEGER }, 200],
    [{ onlyMetrics: true, expiresAtMs: 1 }, 401],
    [{ models: ['m'] }, 401],
    [{ peers: ['p'] }, 401],
    [{ budget: { tokens: 1_000, per: 'day' } }, 401],
    [{ requestsPerMinute: 1 }, 401],
    [{ expiresAtMs: Number.MAX_SAFE_INTEGER }, 401],
  ])('are for a key without restrictions, or for metrics only: %j', async (rights, status) => {
    const anna = createApiKey('anna', rights)
    const one = metered([anna.kept])
    one.tell({ ...event, model: 'secret-model' })
    const headers = { authorization: `Bearer ${anna.key}` }
    const response = await one.gateway.fetch('http://skein.local/metrics', { headers })
    expect(response.status).toBe(status)
    expect((await response.text()).includes('secret-model')).toBe(status === 200)
  })

  it('are all that a key for metrics gets', async () => {
    const anna = createApiKey('anna', { onlyMetrics: true })
    const one = metered([anna.kept])
    const headers = { authorization: `Bearer ${anna.key}`, 'content-type': 'application/json' }
    const get = ['/v1/models', '/v1/models/m', '/api/tags', '/v1/files', '/v1/batches', '/other']
    const post = ['/v1/chat/completions', '/v1/embeddings', '/v1/responses', '/v1/messages']
    for (const path of [...get, ...post, '/metrics/', '/api/chat', '/api/pull']) {
      const isGet = get.includes(path)
      const response = await one.gateway.fetch(`http://skein.local${path}`, {
        headers,
        ...(!isGet && { method: 'POST', body: '{"model":"m"}' }),
      })
      expect([path, response.status]).toEqual([path, 401])
    }
  })

  it('end with the gateway', async () => {
    const one = metered()
    expect(one.watched()).toBe(1)
    await one.gateway.close()
    expect(one.watched()).toBe(0)
  })

  it('include all that the dashboard queries', async () => {
    const one = metered()
    one.tell(event)
    const names = new Set(
      Array.from((await shown(one)).matchAll(/^# TYPE (\w+)/gm), ([, name]) => name),
    )
    const path = new URL('../../../docs/grafana/skein-gateway.json', import.meta.url)
    const asked = readFileSync(path, 'utf8').match(/\b(skein|gen_ai)_\w+/g) ?? []
    const metrics = asked
      .filter(
        (name) =>
          /_(total|seconds|usage|flight|budget|reserve|peers)/.test(name) || name === 'skein_peers',
      )
      .map((name) => name.replace(/_(bucket|sum|count)$/, ''))
    expect(metrics.length).toBeGreaterThan(12)
    for (const name of metrics) expect(names).toContain(name)
  })
})
