import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Backend, createOllamaBackend, createOpenAiBackend } from '../../../backend/index.ts'
import { createGateway } from '../../../gateway/index.ts'
import type { DialectAnswer } from '../../../testing/chaos/dialects/answer.ts'
import { DIALECTS } from '../../../testing/chaos/dialects/dialects.ts'
import { questionOf } from '../../../testing/chaos/dialects/question.ts'
import { isTypedError } from '../../../testing/chaos/dialects/typed-error.ts'
import { events, fakeFetch, json, lines, type Reply } from '../../../testing/engines/fake-engine.ts'
import { FakeSwarm } from '../../../testing/swarms/fake-swarm.ts'
import { gatewayClientOf } from '../../../testing/swarms/gateway-client.ts'
import { createHarness } from '../../../testing/swarms/node-harness.ts'
import { chunk } from './gateway-over.ts'

vi.setConfig({ testTimeout: 30_000 })

const DIALECT_NAMES = ['chat', 'responses', 'anthropic', 'ollama'] as const
type Kind = 'openai' | 'ollama'

/** A node with an engine behind HTTP. */
function backendOf(kind: Kind, reply: Reply): Backend {
  if (kind === 'openai') {
    const { fetch } = fakeFetch({
      '/v1/models': json({ data: [{ id: 'm', owned_by: 'me' }, { id: 'm-embed' }] }),
      '/v1/chat/completions': reply,
      '/v1/embeddings': reply,
    })
    return createOpenAiBackend({ baseUrl: 'http://engine', fetch })
  }
  const { fetch } = fakeFetch({
    '/api/tags': json({
      models: ['m', 'm-embed'].map((name) => ({ name: `${name}:latest`, digest: name })),
    }),
    '/api/ps': json({ models: [] }),
    '/api/version': json({ version: '0.17.4' }),
    '/api/show': () => json({ capabilities: shown.shift() ?? [], model_info: {} }),
    '/api/chat': reply,
    '/api/embed': reply,
  })
  const shown = [['completion', 'tools'], ['embedding']]
  return createOllamaBackend({ baseUrl: 'http://engine', fetch })
}

/** A gateway, over one node, over an engine that gives this reply to every request. */
async function gatewayAt(kind: Kind, reply: Reply): Promise<typeof globalThis.fetch> {
  const backend = backendOf(kind, reply)
  onTestFinished(() => backend[Symbol.asyncDispose]())
  const models = await backend.models()
  const swarm = await FakeSwarm.create({ timeoutMs: 20_000 })
  onTestFinished(() => swarm.close())
  const { clock } = swarm
  const harness = await createHarness({ backend, clock })
  await swarm.add((stream) => harness.serve(stream), { models })
  const gateway = createGateway(gatewayClientOf(swarm.requester))
  onTestFinished(() => gateway.close())
  return gateway.fetch as typeof globalThis.fetch
}

type Answer = Omit<DialectAnswer, 'finish'>
const said = (text: string, more: Partial<Answer> = {}): Answer => ({
  ...{ text, reasoning: '', calls: [] },
  ...more,
})
const cities = (...names: readonly string[]): Answer =>
  said('', { calls: names.map((city) => ({ name: 'weather', arguments: { city } })) })
const asked = (city: string): string => JSON.stringify({ city })
const call = (more: object, called: object): object => ({ ...more, function: called })

/** Calls in one piece after the other, as OpenAI's API streams them. */
const streamed =
  (...pieces: readonly object[]): Reply =>
  () =>
    events(
      ...pieces.map((piece) => chunk({ tool_calls: [piece] })),
      chunk({}, 'tool_calls'),
      '[DONE]',
    )
/** The same as lines of Ollama's. */
const lined =
  (...pieces: readonly object[]): Reply =>
  () =>
    lines(
      ...pieces.map((piece) => ({
        message: { role: 'assistant', content: '', tool_calls: [piece] },
      })),
      { message: { content: '' }, done: true, done_reason: 'stop' },
    )
const both = (...pieces: readonly object[]): Record<Kind, Reply> => ({
  openai: streamed(...pieces),
  ollama: lined(...pieces),
})

/** What engines of both kinds send, and what a caller reads in every dialect; a pattern: of the failure. */
const ANSWERS: Readonly<Record<string, readonly [Readonly<Record<Kind, Reply>>, Answer | RegExp]>> =
  {
    'two calls without index, the second cut in two': [
      both(
        call({ id: 'a' }, { name: 'weather', arguments: asked('Oslo') }),
        call({ id: 'b' }, { name: 'weather', arguments: '{"city":' }),
        call({ id: 'b' }, { arguments: '"Rome"}' }),
      ),
      cities('Oslo', 'Rome'),
    ],
    'three calls, all with index 0 and without ids': [
      both(
        ...['Oslo', 'Rome', 'Bern'].map((city) =>
          call({ index: 0 }, { name: 'weather', arguments: asked(city) }),
        ),
      ),
      cities('Oslo', 'Rome', 'Bern'),
    ],
    'calls numbered from 5, and interleaved': [
      both(
        call({ index: 5, id: 'a' }, { name: 'weather', arguments: '{"city":' }),
        call({ index: 6, id: 'b' }, { name: 'weather', arguments: '{"city":' }),
        call({ index: 5 }, { arguments: '"Oslo"}' }),
        call({ index: 6 }, { arguments: '"Rome"}' }),
      ),
      cities('Oslo', 'Rome'),
    ],
    'arguments as an object, the index within the function': [
      both(
        call({ id: 'a' }, { index: 0, name: 'weather', arguments: { city: 'Oslo' } }),
        call({ id: 'b' }, { index: 1, name: 'weather', arguments: { city: 'Rome' } }),
      ),
      cities('Oslo', 'Rome'),
    ],
    'a call that is no object': [
      { openai: streamed(['weather']), ollama: lined(['weather']) },
      /tool_calls/,
    ],
    'thoughts and text as parts': [
      {
        openai: () =>
          events(
            chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] }),
            chunk({ content: [{ type: 'text', text: 'a' }, 'b'] }, 'stop'),
          ),
        ollama: () =>
          lines(
            { message: { thinking: [{ type: 'text', text: 'hm' }], content: '' } },
            { message: { content: 'ab' }, done: true },
          ),
      },
      said('ab', { reasoning: 'hm' }),
    ],
    'content that is a number': [
      {
        openai: () => events(chunk({ content: 42 }, 'stop')),
        ollama: () => lines({ message: { content: 42 }, done: true }),
      },
      /content/,
    ],
    'a whole answer in place of a stream': [
      {
        openai: () =>
          json({ choices: [{ index: 0, message: { content: 'ab' }, finish_reason: 'stop' }] }),
        ollama: () => json({ message: { role: 'assistant', content: 'ab' }, done: true }),
      },
      said('ab'),
    ],
    'an error in the middle, whose words may be about the node': [
      {
        openai: () => events(chunk({ content: 'a' }), '{"error":{"message":"Out of credit"}}'),
        ollama: () => lines({ message: { content: 'a' } }, { error: 'Out of credit' }),
      },
      /the node's log says why/,
    ],
    'no end': [
      {
        openai: () => events(chunk({ content: 'ab' })),
        ollama: () => lines({ message: { content: 'ab' } }),
      },
      /finish reason|final line|broke off/,
    ],
  }

describe.each(Object.entries(ANSWERS))('an engine of a node sends %s', (_, [replies, expected]) => {
  it.each(['openai', 'ollama'] as const)('read alike in every dialect: %s', async (kind) => {
    const question = { ...questionOf('one call', false), prompt: 'How is the weather in Oslo?' }
    for (const dialect of DIALECT_NAMES) {
      const fetch = await gatewayAt(kind, replies[kind])
      for (const stream of [true, false]) {
        const outcome = await DIALECTS[dialect]({ fetch, model: 'm', question, stream }).catch(
          (error: unknown) => error,
        )
        const where = `${dialect}${stream ? ', streamed' : ''}: ${String(outcome)}`
        if (expected instanceof RegExp) {
          expect(isTypedError(outcome), where).toBe(true)
          expect((outcome as Error).message, where).toMatch(expected)
        } else {
          const { finish: __, ...answer } = outcome as DialectAnswer
          expect(answer, where).toEqual(expected)
        }
      }
    }
  })
})

const packed = (...numbers: readonly number[]): string =>
  Buffer.from(new Float32Array(numbers).buffer).toString('base64')

/** Vectors of two inputs. OpenAI's API has items with an index, Ollama's a list of rows. */
const VECTORS: Readonly<Record<string, readonly [Kind, unknown, RegExp | undefined]>> = {
  'in the order of the inputs': [
    'openai',
    [{ embedding: [1, 0] }, { embedding: [0, 1] }],
    undefined,
  ],
  'the other way round, with their index': [
    'openai',
    [
      { index: 1, embedding: [0, 1] },
      { index: 0, embedding: [1, 0] },
    ],
    undefined,
  ],
  'numbered in text, as base64': [
    'openai',
    [
      { index: '1', embedding: packed(0, 1) },
      { index: '0', embedding: packed(1, 0) },
    ],
    undefined,
  ],
  'as one row each': ['openai', [{ embedding: [[1, 0]] }, { embedding: [[0, 1]] }], undefined],
  'with one index twice': [
    'openai',
    [
      { index: 0, embedding: [1, 0] },
      { index: 0, embedding: [0, 1] },
    ],
    /index/,
  ],
  'with an index for one of them': [
    'openai',
    [{ index: 0, embedding: [1, 0] }, { embedding: [0, 1] }],
    /index/,
  ],
  'of different lengths': ['openai', [{ embedding: [1, 0] }, { embedding: [0, 1, 1] }], /lengths/],
  'for one input of two': ['openai', [{ embedding: [1, 0] }], /1 embeddings for 2/],
  'with null among the numbers': [
    'openai',
    [{ embedding: [1, null] }, { embedding: [0, 1] }],
    /embedding/,
  ],
  'as an object in place of the list': ['openai', { 0: { embedding: [1, 0] } }, /data/],
  'as rows': [
    'ollama',
    [
      [1, 0],
      [0, 1],
    ],
    undefined,
  ],
  'as base64': ['ollama', [packed(1, 0), packed(0, 1)], undefined],
  'as rows of different lengths': ['ollama', [[1, 0], [1]], /lengths/],
  'as one row of two': ['ollama', [[1, 0]], /1 embeddings for 2/],
  'as texts of numbers': [
    'ollama',
    [
      ['1', '0'],
      ['0', '1'],
    ],
    /embeddings/,
  ],
  'not at all': ['ollama', null, /0 embeddings for 2/],
}

describe.each(Object.entries(VECTORS))(
  'embeddings of a node’s engine %s',
  (_, [kind, sent, failure]) => {
    it.each(['/v1/embeddings', '/api/embed'])(
      'are paired with the inputs, or fail: %s',
      async (path) => {
        const body =
          kind === 'openai' ? { data: sent, usage: { prompt_tokens: 2 } } : { embeddings: sent }
        const fetch = await gatewayAt(kind, () => json(body))
        const response = await fetch(`http://skein.local${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'm-embed', input: ['a', 'b'] }),
        })
        const text = await response.text()
        if (failure !== undefined) {
          expect(response.status, text).toBe(502)
          expect(text).toMatch(failure)
          return
        }
        expect(response.status, text).toBe(200)
        const { data, embeddings } = JSON.parse(text) as {
          readonly data?: readonly { readonly embedding: readonly number[] }[]
          readonly embeddings?: readonly (readonly number[])[]
        }
        expect(embeddings ?? data?.map(({ embedding }) => embedding)).toEqual([
          [1, 0],
          [0, 1],
        ])
      },
    )
  },
)
