import { describe, expect, it } from 'vitest'
import {
  createBackendFromUrl,
  createScriptedBackend,
  detectBackends,
} from '../../../backend/index.ts'
import { startOllamaWire } from '../../../testing/engines/ollama-wire.ts'
import { startOpenAiWire } from '../../../testing/engines/openai-wire.ts'
import { sendJson, startWireServer } from '../../../testing/engines/wire-server.ts'

const portOf = ({ baseUrl }: { readonly baseUrl: string }) => Number(new URL(baseUrl).port)
const WAIT = { timeoutMs: 10_000 }

describe('detectBackends', () => {
  it('identifies engines and lists them in the order of the ports', async () => {
    await using engine = createScriptedBackend({ models: [{ id: 'goose' }] })
    await using llama = await startOpenAiWire(engine, 'llama-server')
    await using vllm = await startOpenAiWire(engine, 'vllm')
    await using ollama = await startOllamaWire(engine)
    await using website = await startWireServer(async (_, response) =>
      sendJson(response, 200, { hello: 'world' }),
    )
    const ports = [ollama, website, llama, vllm].map(portOf)
    const found = await detectBackends({ ports, ...WAIT })
    expect(found).toMatchObject([
      { kind: 'ollama', baseUrl: ollama.baseUrl, models: ['goose:latest', 'big:cloud'] },
      { kind: 'llama-server', baseUrl: llama.baseUrl },
      { kind: 'vllm', baseUrl: vllm.baseUrl, models: ['goose'] },
    ])
  })

  it('knows LM Studio by its own list of models', async () => {
    await using studio = await startWireServer(async ({ path }, response) => {
      const loaded = { key: 'a', loaded_instances: [{ id: 'a', config: { context_length: 512 } }] }
      if (path === '/v1/models')
        sendJson(response, 200, { data: [{ id: 'a', owned_by: 'organization_owner' }] })
      else if (path === '/api/v1/models') sendJson(response, 200, { models: [loaded] })
      else sendJson(response, 200, { error: `Unexpected endpoint or method. (GET ${path})` })
    })
    expect(await detectBackends({ ports: [portOf(studio)], ...WAIT })).toMatchObject([
      { kind: 'lm-studio' },
    ])
    await using backend = await createBackendFromUrl({ baseUrl: studio.baseUrl })
    expect(await backend.models()).toMatchObject([{ id: 'a', contextLength: 512 }])
  })

  it('finds nothing on closed ports, and does not wait for silent servers', async () => {
    await using silent = await startWireServer(() => new Promise(() => {}))
    await using gone = await startWireServer(async () => {})
    gone.kill()
    const found = await detectBackends({ ports: [portOf(silent), portOf(gone)], timeoutMs: 50 })
    expect(found).toEqual([])
  })

  it('stops when the signal fires', async () => {
    await using silent = await startWireServer(() => new Promise(() => {}))
    const reason = new Error('enough')
    const abort = new AbortController()
    const pending = detectBackends({ ports: [portOf(silent)], ...WAIT }, { signal: abort.signal })
    abort.abort(reason)
    await expect(pending).rejects.toBe(reason)
  })
})

describe('createBackendFromUrl', () => {
  it('picks the right adapter, with or without /v1 in the address', async () => {
    await using engine = createScriptedBackend({ models: [{ id: 'goose' }] })
    await using ollama = await startOllamaWire(engine)
    await using vllm = await startOpenAiWire(engine, 'vllm')
    await using first = await createBackendFromUrl({ baseUrl: `${ollama.baseUrl}/` })
    expect(first.description).toBe(`Ollama at ${ollama.baseUrl}`)
    await using second = await createBackendFromUrl({ baseUrl: `${vllm.baseUrl}/v1` })
    expect((await second.models()).map(({ id }) => id)).toEqual(['goose'])
  })

  it('fails if no engine answers', async () => {
    await using website = await startWireServer(async (_, response) =>
      sendJson(response, 200, { hello: 'world' }),
    )
    await expect(createBackendFromUrl({ baseUrl: website.baseUrl })).rejects.toMatchObject({
      code: 'engine_failed',
      message: expect.stringContaining(`no engine at ${website.baseUrl}`),
    })
  })
})
