import { describe, expect, it, vi } from 'vitest'
import {
  type Backend,
  createOllamaBackend,
  createOpenAiBackend,
  type Fetch,
} from '../../../backend/index.ts'
import { delta, events, json, lines } from '../../../testing/engines/fake-engine.ts'
import { useFakeTimers } from './use-fake-timers.ts'

const SECOND = 1_000
const COUNT = '1, 2, 3, 4, 5, 6, 7, 8'
/** Longer than a listing is kept. */
const LISTED_AGAIN_MS = 31 * SECOND

interface Body {
  readonly messages?: readonly { readonly role: string; readonly content: string }[]
  readonly tools?: readonly object[]
  readonly stream?: boolean
}

/** What an engine was started with. */
interface Settings {
  readonly isDown: boolean
  /** Whether it goes on with a final assistant message. */
  readonly continues: boolean
  readonly tools: boolean
  readonly version: string
}
const FIRST: Settings = { isDown: false, continues: true, tools: true, version: '1' }

interface Kind {
  readonly create: (fetch: Fetch) => Backend
  readonly reply: (path: string, body: Body, settings: Settings) => Response | undefined
}

/** The rest of the count, or all of it where a final assistant message is not continued. */
function countOf({ messages = [] }: Body, { continues }: Settings): string {
  const last = messages.at(-1)
  return continues && last?.role === 'assistant' ? COUNT.slice(last.content.length) : COUNT
}

function chat(body: Body, settings: Settings): Response {
  if (body.tools !== undefined && !settings.tools) {
    return json({ error: { message: 'tools need --enable-auto-tool-choice' } }, 400)
  }
  if (body.stream !== true) {
    return json({ choices: [{ message: { content: 'a' }, finish_reason: 'length' }] })
  }
  return events(delta(countOf(body, settings), 'length'), '[DONE]')
}

const VLLM: Kind = {
  create: (fetch) => createOpenAiBackend({ baseUrl: 'http://engine', fetch }),
  reply: (path, body, settings) => {
    switch (path) {
      case '/v1/models': {
        // As vLLM, with another time and another permission in each answer.
        const created = Math.round(performance.now())
        const permission = [{ id: `modelperm-${created}` }]
        const model = { id: 'm', owned_by: 'vllm', root: '/m', max_model_len: 100 }
        return json({ data: [{ ...model, created, permission }] })
      }
      case '/version':
        return json({ version: settings.version })
      case '/health':
        return json({})
      case '/v1/chat/completions':
        return chat(body, settings)
      default:
        return undefined
    }
  },
}

const LLAMA: Kind = {
  create: VLLM.create,
  reply: (path, body, settings) => {
    switch (path) {
      case '/v1/models':
        return json({ data: [{ id: 'm', owned_by: 'llamacpp', created: performance.now() }] })
      case '/props': {
        const { tools: supports_tools, version: build_info } = settings
        const default_generation_settings = { n_ctx: 100, id_task: performance.now() }
        const chat_template_caps = { supports_tools }
        return json({ build_info, default_generation_settings, chat_template_caps })
      }
      case '/health':
        return json({})
      case '/v1/chat/completions':
        return chat(body, settings)
      default:
        return undefined
    }
  },
}

const OLLAMA: Kind = {
  create: (fetch) => createOllamaBackend({ baseUrl: 'http://engine', fetch }),
  reply: (path, body, settings) => {
    switch (path) {
      case '/api/version':
        return json({ version: settings.version })
      case '/api/tags':
        return json({ models: [{ name: 'm:latest', digest: 'a' }] })
      case '/api/ps':
        return json({ models: [] })
      case '/api/show': {
        const capabilities = settings.tools ? ['completion', 'tools'] : ['completion']
        return json({ capabilities, model_info: {} })
      }
      case '/api/chat':
        return lines(
          { message: { content: countOf(body, settings) } },
          { message: { content: '' }, done: true },
        )
      default:
        return undefined
    }
  },
}

function refused(): Error {
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  return new TypeError('fetch failed', { cause })
}

/** An engine that can be started anew, and the number of its trials. */
function scene({ create, reply }: Kind) {
  const engine: { settings: Settings; trials: number } = { settings: FIRST, trials: 0 }
  const fetch: Fetch = async (url, { body: sent }) => {
    if (engine.settings.isDown) throw refused()
    const { pathname } = new URL(url)
    if (/chat/.test(pathname)) engine.trials += 1
    const body = (sent === undefined ? {} : JSON.parse(String(sent))) as Body
    return reply(pathname, body, engine.settings) ?? json({ error: 'none' }, 404)
  }
  return { engine, backend: create(fetch) }
}

async function offered(backend: Backend): Promise<object> {
  const models = backend.models()
  await vi.advanceTimersByTimeAsync(SECOND)
  const [model] = await models
  return { tools: model?.capabilities.includes('tools'), resume: model?.resume }
}

const ALL = { tools: true, resume: 'prefill' }
const NONE = { tools: false, resume: 'none' }

describe.each([
  ['vLLM', VLLM],
  ['llama-server', LLAMA],
  ['Ollama', OLLAMA],
])('what was proved of an engine: %s', (_, kind) => {
  useFakeTimers()

  it('stays while the engine runs', async () => {
    const { engine, backend } = scene(kind)
    await using _closed = backend
    expect(await offered(backend)).toEqual(ALL)
    const { trials } = engine
    const { modelsRevision } = await backend.load()
    for (let hour = 0; hour < 24; hour += 1) {
      await vi.advanceTimersByTimeAsync(3_600 * SECOND)
      expect(await offered(backend)).toEqual(ALL)
    }
    expect([engine.trials, (await backend.load()).modelsRevision]).toEqual([trials, modelsRevision])
  })

  it('lapses when the engine was down, and is back with other settings a second later', async () => {
    const { engine, backend } = scene(kind)
    await using _closed = backend
    expect(await offered(backend)).toEqual(ALL)
    const { modelsRevision } = await backend.load()
    engine.settings = { ...FIRST, isDown: true }
    await expect(backend.load()).rejects.toThrow('ECONNREFUSED')
    engine.settings = { ...FIRST, tools: false, continues: false }
    const load = await backend.load()
    expect([load.state, load.modelsRevision === modelsRevision]).toEqual(['ready', false])
    expect(await offered(backend)).toEqual(NONE)
  })

  it('is proved again when the engine was down and is back as it was', async () => {
    const { engine, backend } = scene(kind)
    await using _closed = backend
    expect(await offered(backend)).toEqual(ALL)
    const { trials } = engine
    engine.settings = { ...FIRST, isDown: true }
    for (let tries = 0; tries < 60; tries += 1) {
      await expect(backend.load()).rejects.toThrow('ECONNREFUSED')
      await vi.advanceTimersByTimeAsync(60 * SECOND)
    }
    await expect(backend.models()).rejects.toThrow('ECONNREFUSED')
    engine.settings = FIRST
    expect(await offered(backend)).toEqual(ALL)
    expect(engine.trials).toBe(2 * trials)
  })

  it('lapses when another version answers, though it was never seen down', async () => {
    const { engine, backend } = scene(kind)
    await using _closed = backend
    expect(await offered(backend)).toEqual(ALL)
    engine.settings = { ...FIRST, version: '2', tools: false, continues: false }
    await vi.advanceTimersByTimeAsync(LISTED_AGAIN_MS)
    expect(await offered(backend)).toEqual(NONE)
  })
})
