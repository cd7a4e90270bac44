import { describe, expect, it } from 'vitest'
import { createOllamaBackend, createOpenAiBackend } from '../../../backend/index.ts'
import { type AnswerRequest, InferenceError, parseRequest } from '../../../protocol/index.ts'
import { chat, fakeFetch, json, type Reply } from '../../../testing/engines/fake-engine.ts'
import { collect, failureOf } from '../../conformance/backend-answers.ts'

const TOOLS = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }]
const text = (body: string, headers: Record<string, string> = {}) => new Response(body, { headers })
const sse = (...data: readonly object[]) =>
  `${data.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('')}data: [DONE]\n\n`
const choice = (delta: object, finish: string | null = null, more: object = {}) => ({
  choices: [{ index: 0, delta, finish_reason: finish, ...more }],
})
const stop = choice({}, 'stop')
const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }

interface Answer {
  readonly text?: string
  readonly reasoning?: string
  readonly calls?: readonly string[]
  readonly finish?: string
  readonly usage?: object
  readonly logprobs?: readonly number[]
}

/** What is read of a reply; a text names what the failure has to say. */
type Expected = Answer | RegExp

async function read(path: string, reply: Reply, request: AnswerRequest): Promise<Answer> {
  const { fetch } = fakeFetch({
    [path]: reply,
    '/api/tags': json({ models: [{ name: 'm:latest', digest: 'a' }] }),
    '/api/ps': json({ models: [] }),
    '/api/show': json({
      capabilities: ['completion', 'tools', 'thinking'],
      model_info: { 'general.architecture': 'llama', 'llama.context_length': 4096 },
    }),
  })
  const backend = path.startsWith('/api')
    ? createOllamaBackend({ fetch })
    : createOpenAiBackend({ baseUrl: 'http://cloud/v1', fetch, assumed: true })
  await using _closed = backend
  const { events, done } = await collect(backend.infer(request))
  const all = {
    text: '',
    reasoning: '',
    calls: [] as string[],
    finish: '',
    logprobs: [] as number[],
  }
  for (const event of events) {
    if (event.type === 'done' || !('choices' in event.json)) continue
    for (const one of event.json.choices) {
      if ('text' in one) all.text += one.text
      else {
        all.text += one.delta.content ?? ''
        all.reasoning += one.delta.reasoning_content ?? ''
        for (const { index, function: called } of one.delta.tool_calls ?? []) {
          all.calls[index] =
            (all.calls[index] ?? '') + (called?.name ?? '') + (called?.arguments ?? '')
        }
        all.logprobs.push(...(one.logprobs?.content ?? []).map(({ logprob }) => logprob))
      }
      if (one.finish_reason !== null) all.finish += one.finish_reason
    }
  }
  return { ...all, usage: done.usage }
}

async function check(
  path: string,
  reply: Reply,
  expected: Expected,
  request = chat({ tools: TOOLS }),
) {
  const answer = read(path, reply, request)
  if (!(expected instanceof RegExp)) {
    expect(await answer).toMatchObject(expected)
    return
  }
  const error = await answer.then(
    (read) => expect.fail(`read as ${JSON.stringify(read)}`),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(InferenceError)
  expect((error as InferenceError).code).toMatch(/^(engine_failed|over_capacity|invalid_request)$/)
  expect((error as InferenceError).message).toMatch(expected)
}

const call = (more: object, called: object) => ({ tool_calls: [{ ...more, function: called }] })

describe('an odd answer of an engine with OpenAI’s API', () => {
  it.each<[string, string, Expected]>([
    [
      'null choices beside the usage',
      sse(choice({ content: 'ab' }), stop, { choices: null, usage }),
      { text: 'ab', finish: 'stop', usage: { promptTokens: 3 } },
    ],
    [
      'usage null in each chunk',
      sse(
        { ...choice({ content: 'ab' }), usage: null },
        { ...stop, usage: null },
        { choices: [], usage },
      ),
      { text: 'ab', usage: { completionTokens: 2 } },
    ],
    [
      'usage in each chunk, growing',
      sse(
        { ...choice({ content: 'ab' }), usage: { ...usage, completion_tokens: 1 } },
        { ...stop, usage },
      ),
      { usage: { completionTokens: 2 } },
    ],
    [
      'usage twice',
      sse(choice({ content: 'ab' }), { ...stop, usage }, { choices: [], usage }),
      { usage: { promptTokens: 3, completionTokens: 2 } },
    ],
    [
      'the finish reason after the usage',
      sse(choice({ content: 'ab' }), { choices: [], usage }, stop),
      { text: 'ab', finish: 'stop', usage: { promptTokens: 3 } },
    ],
    [
      'the role at the end only',
      sse(choice({ content: 'ab' }), choice({ role: 'assistant' }, 'stop')),
      { text: 'ab', finish: 'stop' },
    ],
    [
      'a part of an unknown type',
      sse(choice({ content: [{ type: 'hologram', data: 'x' }] }), stop),
      /content\.0.*hologram/,
    ],
    [
      'choices out of order',
      sse(
        {
          choices: [
            { index: 1, delta: { content: 'b' } },
            { index: 0, delta: { content: 'a' } },
          ],
        },
        stop,
      ),
      /choices/,
    ],
    [
      'choices that are an object',
      sse({ choices: { index: 0, delta: { content: 'a' } } }, stop),
      /choices/,
    ],
    [
      'an index in text',
      sse({ choices: [{ index: '0', delta: { content: 'ab' }, finish_reason: 'stop' }] }),
      { text: 'ab' },
    ],
    [
      'arguments as an object, without a type',
      sse(
        choice(call({ index: 0, id: 'c' }, { name: 'look', arguments: { at: 1 } })),
        choice({}, 'tool_calls'),
      ),
      { calls: ['look{"at":1}'], finish: 'tool_calls' },
    ],
    [
      'empty names in later parts',
      sse(
        choice(call({ index: 0, id: 'c' }, { name: 'look', arguments: '{"at"' })),
        choice(call({ index: 0, id: 'c' }, { name: '', arguments: ':1}' })),
        choice({}, 'tool_calls'),
      ),
      { calls: ['look{"at":1}'] },
    ],
    [
      'a null function in a later part',
      sse(
        choice(call({ index: 0, id: 'c' }, { name: 'look', arguments: '{}' })),
        choice({ tool_calls: [{ index: 0, function: null }] }),
        choice({}, 'tool_calls'),
      ),
      { calls: ['look{}'] },
    ],
    [
      'an index that is a word',
      sse(choice(call({ index: 'zero', id: 'c' }, { name: 'look', arguments: '{}' })), stop),
      /tool_calls\.0\.index/,
    ],
    [
      'reasoning and reasoning_content alike',
      sse(choice({ reasoning: 'hm', reasoning_content: 'hm' }), choice({ content: 'ab' }, 'stop')),
      { reasoning: 'hm', text: 'ab' },
    ],
    [
      'thinking',
      sse(choice({ thinking: 'hm' }), choice({ content: 'ab' }, 'stop')),
      { reasoning: 'hm', text: 'ab' },
    ],
    [
      'a reasoning that is an object',
      sse(choice({ reasoning: { summary: 'hm' } }), stop),
      /reasoning/,
    ],
    [
      'logprobs without top_logprobs',
      sse(
        choice({ content: 'ab' }, 'stop', {
          logprobs: { content: [{ token: 'ab', logprob: -0.5, bytes: null }] },
        }),
      ),
      { text: 'ab', logprobs: [-0.5] },
    ],
    [
      'a null content and null logprobs',
      sse(choice({ content: null }, null, { logprobs: null }), choice({ content: 'ab' }, 'stop')),
      { text: 'ab' },
    ],
    [
      'an error in place of a chunk',
      sse(choice({ content: 'a' }), { error: { message: 'out of memory', code: 500 } }),
      /out of memory/,
    ],
    ['an error that is text', sse({ error: 'no slot left' }), /no slot left/],
    [
      'an error of Anthropic’s',
      sse({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
      /[Oo]verload/,
    ],
    [
      'events of Anthropic’s',
      sse(
        { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'ab' } },
        { type: 'message_stop' },
      ),
      /./,
    ],
    [
      'events of the Responses API',
      sse(
        { type: 'response.output_text.delta', delta: 'ab' },
        { type: 'response.completed', response: {} },
      ),
      /./,
    ],
    ['no event at all', 'data: [DONE]\n\n', /./],
    ['an empty body', '', /./],
    [
      'comments between events',
      `: ping\n\n${sse(choice({ content: 'ab' }))}`.replace(
        'data: [DONE]',
        `: ping\n\ndata: ${JSON.stringify(stop)}\n\ndata: [DONE]`,
      ),
      { text: 'ab' },
    ],
    [
      'no blank line at the end',
      sse(choice({ content: 'ab' }), stop).trimEnd(),
      { text: 'ab', finish: 'stop' },
    ],
    [
      'line ends of Windows',
      sse(choice({ content: 'ab' }), stop).replaceAll('\n', '\r\n'),
      { text: 'ab', finish: 'stop' },
    ],
    [
      'data without a space',
      sse(choice({ content: 'ab' }), stop).replaceAll('data: ', 'data:'),
      { text: 'ab', finish: 'stop' },
    ],
    [
      'a byte order mark',
      `\uFEFF${sse(choice({ content: 'ab' }), stop)}`,
      { text: 'ab', finish: 'stop' },
    ],
    [
      'no [DONE]',
      sse(choice({ content: 'ab' }), stop).replace('data: [DONE]\n\n', ''),
      { text: 'ab', finish: 'stop' },
    ],
    [
      'JSON lines',
      [choice({ content: 'ab' }), stop].map((one) => `${JSON.stringify(one)}\n`).join(''),
      { text: 'ab', finish: 'stop' },
    ],
    [
      'named events',
      sse(choice({ content: 'ab' }), stop).replaceAll('data: {', 'event: chunk\ndata: {'),
      { text: 'ab', finish: 'stop' },
    ],
    [
      'neither [DONE] nor a finish reason',
      sse(choice({ content: 'ab' })).replace('data: [DONE]\n\n', ''),
      /finish|ended/,
    ],
  ])('with %s', async (_, body, expected) => {
    await check(
      '/v1/chat/completions',
      () => text(body, { 'content-type': 'text/event-stream' }),
      expected,
      chat({ tools: TOOLS, logprobs: true }),
    )
    await check(
      '/v1/chat/completions',
      () => text(body, { 'content-type': 'text/plain' }),
      expected,
      chat({ tools: TOOLS, logprobs: true }),
    )
  })

  it.each<[string, object, Expected]>([
    ['with an error and status 200', { error: { message: 'model crashed' } }, /model crashed/],
    ['with nothing in it', {}, /./],
    ['whose detail is a failure', { detail: 'Not Found' }, /./],
    [
      'whose message is text',
      { choices: [{ index: 0, message: 'ab', finish_reason: 'stop' }] },
      /message/,
    ],
    [
      'whose content is parts',
      {
        choices: [
          {
            index: 0,
            message: {
              content: [
                { type: 'text', text: 'a' },
                { type: 'text', text: 'b' },
              ],
            },
            finish_reason: 'stop',
          },
        ],
        usage,
      },
      { text: 'ab', usage: { promptTokens: 3 } },
    ],
  ])('in place of a stream, %s', async (_, body, expected) => {
    await check('/v1/chat/completions', json(body), expected)
  })

  it.each<[string, object, Expected]>([
    [
      'text that is null',
      { choices: [{ index: 0, text: null, finish_reason: null }] },
      { text: 'ab' },
    ],
    [
      'text that is a list',
      { choices: [{ index: 0, text: ['a'], finish_reason: null }] },
      /choices\.0\.text/,
    ],
    [
      'logprobs of another shape',
      { choices: [{ index: 0, text: 'c', logprobs: { tokens: 'c' }, finish_reason: null }] },
      /logprobs/,
    ],
  ])('to a completion, with %s', async (_, first, expected) => {
    const request = parseRequest('completion', {
      model: 'm',
      prompt: 'x',
      logprobs: 1,
    }) as AnswerRequest
    const last = { choices: [{ index: 0, text: 'ab', finish_reason: 'stop' }] }
    await check('/v1/completions', text(sse(first, last)), expected, request)
  })
})

describe('an odd answer of Ollama', () => {
  const lines = (...records: readonly object[]) =>
    records.map((one) => `${JSON.stringify(one)}\n`).join('')
  const message = (sent: object) => ({ message: { role: 'assistant', ...sent }, done: false })
  const done = { done: true, done_reason: 'stop', prompt_eval_count: 3, eval_count: 2 }
  it.each<[string, string, Expected]>([
    [
      'without a reason at its end',
      lines(message({ content: 'ab' }), { ...done, done_reason: undefined }),
      { text: 'ab', finish: 'stop' },
    ],
    [
      'ended by length',
      lines(message({ content: 'ab' }), { ...done, done_reason: 'length' }),
      { finish: 'length' },
    ],
    [
      'ended by an unknown reason',
      lines(message({ content: 'ab' }), { ...done, done_reason: 'bored' }),
      /done_reason/,
    ],
    ['ended by load', lines({ ...done, done_reason: 'load' }), /without an answer/],
    ['without an end', lines(message({ content: 'ab' })), /final line/],
    [
      'with an error in mid-answer',
      lines(message({ content: 'ab' }), { error: 'CUDA error' }),
      /CUDA error/,
    ],
    ['with text that is a list', lines(message({ content: ['ab'] }), done), /message\.content/],
    ['with done as text', lines(message({ content: 'ab' }), { ...done, done: 'true' }), /done/],
    [
      'with thoughts under another name',
      lines(message({ reasoning: 'hm', content: '' }), done),
      { reasoning: 'hm' },
    ],
    [
      'with text under another name',
      lines(message({ words: 'ab', content: '' }), done),
      /message\.words/,
    ],
    ['with nothing in it', lines(message({ content: '' }), done), { text: '', finish: 'stop' }],
    [
      'with all of it in the last line',
      lines({ ...message({ content: 'ab', thinking: 'hm' }), ...done }),
      { text: 'ab', reasoning: 'hm' },
    ],
    [
      'with calls of one id',
      lines(
        message({ tool_calls: [{ id: 'c', function: { name: 'look', arguments: { at: 1 } } }] }),
        message({ tool_calls: [{ id: 'c', function: { name: 'look', arguments: { at: 2 } } }] }),
        done,
      ),
      { calls: ['look{"at":1}', 'look{"at":2}'], finish: 'tool_calls' },
    ],
    [
      'with calls that share index 0',
      lines(
        message({
          tool_calls: [1, 2].map((at) => ({
            function: { index: 0, name: 'look', arguments: { at } },
          })),
        }),
        done,
      ),
      { calls: ['look{"at":1}', 'look{"at":2}'] },
    ],
    [
      'with arguments in text',
      lines(message({ tool_calls: [{ function: { name: 'look', arguments: '{"at":1}' } }] }), done),
      { calls: ['look{"at":1}'] },
    ],
    [
      'with a call without arguments',
      lines(message({ tool_calls: [{ function: { name: 'look' } }] }), done),
      { calls: ['look'], finish: 'tool_calls' },
    ],
    [
      'with counts that are negative',
      lines(message({ content: 'ab' }), { ...done, eval_count: -2 }),
      /eval_count/,
    ],
    [
      'with counts that are fractions',
      lines(message({ content: 'ab' }), { ...done, prompt_eval_count: 1.5 }),
      /prompt_eval_count/,
    ],
    [
      'with line ends of Windows',
      lines(message({ content: 'ab' }), done).replaceAll('\n', '\r\n'),
      { text: 'ab' },
    ],
    ['with a byte order mark', `\uFEFF${lines(message({ content: 'ab' }), done)}`, { text: 'ab' }],
    ['as events', sse(message({ content: 'ab' }), done), /invalid JSON/],
    [
      'as one object over several lines',
      JSON.stringify({ ...message({ content: 'ab' }), ...done }, null, 2),
      /invalid JSON/,
    ],
  ])('%s', async (_, body, expected) => {
    await check('/api/chat', () => text(body), expected)
  })
})

describe('odd embeddings', () => {
  const request = parseRequest('embedding', { model: 'm', input: ['a', 'b'] }) as AnswerRequest
  const row = (index: unknown, embedding: unknown) => ({ object: 'embedding', index, embedding })
  const packed = Buffer.from(new Float32Array([1, 2]).buffer).toString('base64')
  it.each<[string, unknown, readonly (readonly number[])[] | undefined]>([
    [
      'out of order',
      [row(1, [3, 4]), row(0, [1, 2])],
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'as base64',
      [row(0, packed), row(1, [3, 4])],
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'nested',
      [row(0, [[1, 2]]), row(1, [[3, 4]])],
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'with indexes in text',
      [row('0', [1, 2]), row('1', [3, 4])],
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'of several tokens',
      [
        row(0, [
          [1, 2],
          [5, 6],
        ]),
        row(1, [[3, 4]]),
      ],
      undefined,
    ],
    ['too few', [row(0, [1, 2])], undefined],
    ['with one index twice', [row(0, [1, 2]), row(0, [3, 4])], undefined],
    ['with null in them', [row(0, [1, null]), row(1, [3, 4])], undefined],
    ['as an object', { 0: row(0, [1, 2]) }, undefined],
    ['of different lengths', [row(0, [1, 2]), row(1, [3])], undefined],
  ])('%s are put right, or fail', async (_, data, expected) => {
    const { fetch } = fakeFetch({ '/v1/embeddings': json({ data }) })
    await using backend = createOpenAiBackend({ baseUrl: 'http://cloud/v1', fetch, assumed: true })
    if (expected === undefined) {
      const { error } = await failureOf(backend.infer(request))
      expect(error).toMatchObject({ code: 'engine_failed', details: { param: expect.any(String) } })
      return
    }
    const { events } = await collect(backend.infer(request))
    const vectors = events.flatMap((event) =>
      event.type === 'chunk' && 'embedding' in event.json ? [event.json.embedding] : [],
    )
    expect(vectors).toEqual(expected)
  })
})
