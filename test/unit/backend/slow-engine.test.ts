import { describe, expect, it, vi } from 'vitest'
import {
  type Backend,
  createOllamaBackend,
  createOpenAiBackend,
  type Fetch,
} from '../../../backend/index.ts'
import { delta, events, json, lines } from '../../../testing/engines/fake-engine.ts'
import { delay } from '../../../timing/index.ts'
import { useFakeTimers } from './use-fake-timers.ts'

const SECOND = 1_000
const COUNT = '1, 2, 3, 4, 5, 6, 7, 8'

interface Body {
  readonly messages?: readonly { readonly role: string; readonly content: string }[]
  readonly prompt?: string
  readonly tools?: readonly object[]
  readonly stream?: boolean
}

/** What the answer has so far, or undefined if it begins. */
const begun = ({ messages = [] }: Body): string => {
  const last = messages.at(-1)
  return last?.role === 'assistant' ? last.content : ''
}

type Speed = (body: Body) => number
interface Kind {
  readonly alive: string
  readonly reply: (path: string, body: Body) => Response | undefined
  readonly create: (fetch: Fetch) => Backend
}

const VLLM: Kind = {
  alive: '/health',
  create: (fetch) => createOpenAiBackend({ baseUrl: 'http://engine', fetch }),
  reply: (path, body) => {
    switch (path) {
      case '/v1/models':
        return json({ data: [{ id: 'm', owned_by: 'vllm', root: '/m', max_model_len: 100 }] })
      case '/tokenize':
        return json({ tokens: [1, 2] })
      case '/detokenize':
        return json({ prompt: '<s>One?' })
      case '/v1/chat/completions':
        if (body.stream !== true) {
          return json({ choices: [{ message: { content: 'a' }, finish_reason: 'length' }] })
        }
        return events(delta(COUNT.slice(begun(body).length), 'length'), '[DONE]')
      default:
        return undefined
    }
  },
}

const OLLAMA: Kind = {
  alive: '/api/version',
  create: (fetch) => createOllamaBackend({ baseUrl: 'http://engine', fetch }),
  reply: (path, body) => {
    switch (path) {
      case '/api/tags':
        return json({ models: [{ name: 'm:latest', digest: 'a' }] })
      case '/api/ps':
        return json({ models: [] })
      case '/api/show':
        return json({ capabilities: ['completion', 'tools'], model_info: {} })
      case '/api/chat': {
        const content = COUNT.slice(begun(body).length)
        return lines({ message: { content } }, { message: { content: '' }, done: true })
      }
      default:
        return undefined
    }
  },
}

/** An engine whose work takes as long as `speed` says, and which answers at once whether it is alive. */
function engine({ alive, reply }: Kind, speed: Speed) {
  const asked: string[] = []
  const fetch: Fetch = async (url, { body: sent, signal }) => {
    const { pathname } = new URL(url)
    asked.push(pathname)
    if (pathname === alive) return json({ version: '1' })
    const body = (sent === undefined ? {} : JSON.parse(String(sent))) as Body
    const isWork = body.messages !== undefined && pathname !== '/tokenize'
    if (isWork) await delay(speed(body), signal ? { signal } : {})
    return reply(pathname, body) ?? json({ error: 'no such path' }, 404)
  }
  return { asked, fetch }
}

const offers = async (backend: Backend) => {
  const [model] = await backend.models()
  const { capabilities = [], fields = [], resume } = model ?? {}
  return {
    resume,
    tools: capabilities.includes('tools'),
    continuesTools: fields.includes('resume.tools.text'),
  }
}

/** Seconds after the start, of trials that take 90 s with tools and 20 s without. */
const OFFERED_AT: Readonly<Record<string, object>> = {
  vLLM: { tools: 90, text: 170, 'text with tools': 260 },
  Ollama: { text: 30, tools: 30, 'text with tools': 110 },
}

describe.each([
  ['vLLM', VLLM],
  ['Ollama', OLLAMA],
])('an engine that is slow or still warming up: %s', (name, kind) => {
  useFakeTimers()

  it('is offered within half a minute, with each form as soon as it is proved', async () => {
    const { fetch } = engine(kind, ({ tools }) => (tools === undefined ? 20 : 90) * SECOND)
    await using backend = kind.create(fetch)
    const first = offers(backend)
    await vi.advanceTimersByTimeAsync(30 * SECOND)
    expect((await first).continuesTools).toBe(false)
    const offeredAt: Record<string, number> = {}
    const revisions = new Set<number | undefined>()
    for (let seconds = 30; seconds < 600; seconds += 10) {
      const { resume, tools, continuesTools } = await offers(backend)
      if (resume === 'prefill') offeredAt['text'] ??= seconds
      if (tools) offeredAt['tools'] ??= seconds
      if (continuesTools) offeredAt['text with tools'] ??= seconds
      revisions.add((await backend.load()).modelsRevision)
      await vi.advanceTimersByTimeAsync(10 * SECOND)
    }
    expect(offeredAt).toEqual(OFFERED_AT[name])
    expect(revisions.size).toBeGreaterThan(1)
  })

  it('is waited for while it is alive', async () => {
    const { fetch, asked } = engine(kind, () => 400 * SECOND)
    await using backend = kind.create(fetch)
    void backend.models()
    const path = name === 'vLLM' ? '/v1/chat/completions' : '/api/chat'
    const tries = () => asked.filter((each) => each === path).length
    await vi.advanceTimersByTimeAsync(399 * SECOND)
    expect(tries()).toBe(1)
    await vi.advanceTimersByTimeAsync(3_600 * SECOND)
    expect(await offers(backend)).toEqual({ resume: 'prefill', tools: true, continuesTools: true })
  })

  it('is tried again after it failed', async () => {
    const state: { isCold: boolean } = { isCold: true }
    const { fetch } = engine(kind, () => SECOND)
    const failing: Fetch = async (url, init) => {
      const { pathname } = new URL(url)
      if (!state.isCold || !/chat/.test(pathname)) return await fetch(url, init)
      return json({ error: { message: 'EngineCore is starting' } }, 500)
    }
    await using backend = kind.create(failing)
    const first = offers(backend)
    await vi.advanceTimersByTimeAsync(20 * SECOND)
    expect(await first).toMatchObject({ continuesTools: false })
    state.isCold = false
    await vi.advanceTimersByTimeAsync(120 * SECOND)
    expect(await offers(backend)).toEqual({ resume: 'prefill', tools: true, continuesTools: true })
  })
})
