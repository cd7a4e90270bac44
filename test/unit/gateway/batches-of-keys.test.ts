import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { BatchOptions, BatchRequest, BatchResult } from '../../../client/index.ts'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import { type ApiKey, createApiKey, createGateway } from '../../../gateway/index.ts'

vi.setConfig({ testTimeout: 30_000 })

const ANSWER = {
  ...{ object: 'list', data: [], model: 'm', usage: { prompt_tokens: 100, total_tokens: 100 } },
  skein: { peerId: 'p', policy: 'hedge', attempts: [], resumes: 0, exact: true },
}

interface Line {
  readonly id: string
  readonly trusted: BatchOptions['trusted']
}

/** A gateway whose client answers one line after the other. */
async function setting(keys: () => readonly ApiKey[], onLine: (lines: readonly Line[]) => void) {
  const stateDir = await mkdtemp(join(tmpdir(), 'skein-batches-of-keys-'))
  onTestFinished(() => rm(stateDir, { recursive: true, force: true }))
  const lines: Line[] = []
  const client = {
    observe: () => () => undefined,
    models: () => Promise.resolve([]),
    async *batch(source: AsyncIterable<BatchRequest>, { trusted }: BatchOptions) {
      for await (const request of source) {
        lines.push({ id: request.id, trusted })
        onLine(lines)
        yield {
          id: request.id,
          index: 0,
          request,
          answer: ANSWER,
          attempts: [],
        } as unknown as BatchResult
      }
    },
  } as unknown as GatewayClient
  const gateway = createGateway(client, {
    ...{ apiKeys: keys, stateDir, maxRunningBatches: 1, allowedHosts: [] },
  })
  onTestFinished(() => gateway.close())
  const call = async (key: string, path: string, init: RequestInit = {}) => {
    const headers = { ...init.headers, authorization: `Bearer ${key}` }
    const response = await gateway.fetch(`http://localhost/v1/${path}`, { ...init, headers })
    return (await response.json()) as { id: string; status: string; request_counts: object }
  }
  const create = async (key: string, count: number): Promise<string> => {
    const line = (id: number): string =>
      JSON.stringify({
        ...{ custom_id: `${id}`, method: 'POST', url: '/v1/embeddings' },
        body: { model: 'm', input: 'x' },
      })
    const form = new FormData()
    form.set('purpose', 'batch')
    form.set('file', new File([Array.from({ length: count }, (_, id) => line(id)).join('\n')], 'a'))
    const { id: input_file_id } = await call(key, 'files', { method: 'POST', body: form })
    const about = { input_file_id, endpoint: '/v1/embeddings', completion_window: '24h' }
    const init = { method: 'POST', body: JSON.stringify(about) }
    const headers = { 'content-type': 'application/json' }
    return (await call(key, 'batches', { ...init, headers })).id
  }
  const ended = async (key: string, id: string): Promise<object> =>
    await vi.waitFor(
      async () => {
        const batch = await call(key, `batches/${id}`)
        expect(batch.status).toBe('completed')
        return batch.request_counts
      },
      { timeout: 20_000, interval: 10 },
    )
  return { lines, create, ended }
}

describe('a batch', () => {
  it('asks within the rights that its key has then, line by line', async () => {
    const { key, kept } = createApiKey('anna')
    let keys: readonly ApiKey[] = [kept]
    const { lines, create, ended } = await setting(
      () => keys,
      ({ length }) => {
        if (length === 2) keys = [{ ...kept, peers: ['p'] }]
        if (length === 4) keys = [{ ...kept, models: ['other'] }]
      },
    )
    const id = await create(key, 6)
    // The fifth and sixth name a model that the key may no longer use.
    expect(await ended(key, id)).toMatchObject({ total: 6, completed: 4, failed: 2 })
    expect(lines.map(({ trusted }) => trusted)).toEqual([undefined, undefined, ['p'], ['p']])
  })

  it('that waits for tokens leaves its place to those of other keys', async () => {
    const [anna, bert] = [createApiKey('anna'), createApiKey('bert')]
    const budget = { tokens: 10, per: 'ever' as const }
    const keys: readonly ApiKey[] = [{ ...anna.kept, budget }, bert.kept]
    const { create, ended, lines } = await setting(
      () => keys,
      () => {},
    )
    await create(anna.key, 3)
    await create(anna.key, 3)
    await vi.waitFor(() => expect(lines).toHaveLength(1))
    const id = await create(bert.key, 1)
    expect(await ended(bert.key, id)).toMatchObject({ total: 1, completed: 1 })
    expect(lines).toHaveLength(2)
  })
})
