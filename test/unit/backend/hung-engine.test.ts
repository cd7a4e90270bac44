import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Fetch } from '../../../backend/http/index.ts'
import { type Backend, createOllamaBackend, createOpenAiBackend } from '../../../backend/index.ts'
import { chat, delta, json } from '../../../testing/engines/fake-engine.ts'

const SECOND = 1_000
/** The threads that answer HTTP may be taken for a while. */
const HUNG_MS = 31 * SECOND
/** Answers of the healthy engines, by the end of the path. */
const ANSWERS: Readonly<Record<string, () => Response>> = {
  '/v1/models': () => json({ data: [{ id: 'm', owned_by: 'llamacpp' }] }),
  '/props': () => json({ default_generation_settings: { n_ctx: 999 }, chat_template: '{{ m }}' }),
  '/health': () => json({ status: 'ok' }),
  '/api/version': () => json({ version: '0.9' }),
  '/api/tags': () => json({ models: [{ name: 'm:latest', model: 'm:latest', details: {} }] }),
  '/api/show': () => json({ capabilities: ['completion'], model_info: {} }),
  '/api/ps': () => json({ models: [{ name: 'm:latest' }] }),
}

/** Silent until the caller leaves, as a stopped process is: its kernel accepts connections. */
const never = (signal: AbortSignal | null | undefined): Promise<never> =>
  new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

interface State {
  /** No trial of the adapter any more: the test asks. */
  isAsked: boolean
  isHung: boolean
}

/** An engine whose answer to a chat begins with `begin` and does not go on; once `isHung`, it answers nothing. */
function engine(begin: string, state: State) {
  const asked: string[] = []
  const fetch: Fetch = async (url, { method, signal }) => {
    const { pathname } = new URL(url)
    asked.push(pathname)
    if (state.isAsked && method === 'POST' && /chat/.test(pathname)) {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          if (begin !== '') controller.enqueue(new TextEncoder().encode(begin))
          signal?.addEventListener('abort', () => controller.error(signal.reason), { once: true })
        },
      })
      return begin === '' ? await never(signal) : new Response(body)
    }
    const answer = ANSWERS[pathname]
    if (state.isHung) return await never(signal)
    return answer?.() ?? json({ error: 'no such path' }, 404)
  }
  return { fetch, asked }
}

type Kind = readonly [name: string, create: (fetch: Fetch) => Backend, begin: string]
const llama = (fetch: Fetch): Backend => createOpenAiBackend({ baseUrl: 'http://engine', fetch })
const ollama = (fetch: Fetch): Backend => createOllamaBackend({ baseUrl: 'http://engine', fetch })
const piece = JSON.stringify({ message: { role: 'assistant', content: 'a' }, done: false })
const KINDS: readonly Kind[] = [
  ['llama-server, before the first token', llama, ''],
  ['llama-server, in mid-answer', llama, `data: ${delta('a')}\n\n`],
  ['Ollama, before the first token', ollama, ''],
  ['Ollama, in mid-answer', ollama, `${piece}\n`],
]

const TOOL = { type: 'function', function: { name: 'f', parameters: { type: 'object' } } }

/** Asks, and counts the chunks. */
function ask(backend: Backend, body: object = {}) {
  const seen = { chunks: 0, error: undefined as unknown }
  const reading = (async () => {
    for await (const event of backend.infer(chat(body)))
      seen.chunks += Number(event.type === 'chunk')
  })().catch((error: unknown) => {
    seen.error = error
  })
  return { seen, reading }
}

describe('an engine behind HTTP that stops responding', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each(KINDS)('is found after half a minute: %s', async (_, create, begin) => {
    const state = { isAsked: false, isHung: false }
    await using backend = create(engine(begin, state).fetch)
    await backend.models()
    state.isAsked = true
    const { seen, reading } = ask(backend)
    await vi.advanceTimersByTimeAsync(SECOND)
    expect(seen.chunks).toBe(begin === '' ? 0 : 1)
    state.isHung = true
    await vi.advanceTimersByTimeAsync(25 * SECOND)
    expect(seen.error).toBeUndefined()
    await vi.advanceTimersByTimeAsync(HUNG_MS - 25 * SECOND)
    await reading
    expect(seen.error).toMatchObject({ code: 'loading' })
    // The node reports it, too.
    const load = expect(backend.load()).rejects.toMatchObject({ code: 'loading' })
    await vi.advanceTimersByTimeAsync(5 * SECOND)
    await load
    state.isHung = false
    expect(await backend.load()).toMatchObject({ state: 'ready' })
  })

  it.each(KINDS)('is told from one that works for an hour: %s', async (_, create, begin) => {
    const state = { isAsked: false, isHung: false }
    await using backend = create(engine(begin, state).fetch)
    await backend.models()
    state.isAsked = true
    const { seen, reading } = ask(backend)
    await vi.advanceTimersByTimeAsync(3_600 * SECOND)
    expect(seen.error).toBeUndefined()
    state.isHung = true
    await vi.advanceTimersByTimeAsync(HUNG_MS)
    await reading
    expect(seen.error).toMatchObject({ code: 'loading' })
  })

  it('is asked one question at a time, and none once no request runs', async () => {
    const state = { isAsked: false, isHung: false }
    const { fetch, asked } = engine('', state)
    await using backend = llama(fetch)
    await backend.models()
    state.isAsked = true
    state.isHung = true
    const runs = [ask(backend), ask(backend), ask(backend)]
    await vi.advanceTimersByTimeAsync(60 * SECOND)
    await Promise.all(runs.map(({ reading }) => reading))
    expect(asked.filter((path) => path === '/health')).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })
  it.each([
    ['a minute', {}, 60],
    ['five where tools are offered', { tools: [TOOL] }, 300],
  ])('without a known path, ends after a gap of %s', async (_, body, seconds) => {
    const state = { isAsked: false, isHung: false }
    const { fetch } = engine(`data: ${delta('a')}\n\n`, state)
    await using backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch, assumed: true })
    state.isAsked = true
    const { seen, reading } = ask(backend, body)
    await vi.advanceTimersByTimeAsync((seconds - 1) * SECOND)
    expect(seen).toEqual({ chunks: 1, error: undefined })
    await vi.advanceTimersByTimeAsync(2 * SECOND)
    await reading
    expect(seen.error).toMatchObject({ code: 'engine_failed' })
  })
})
