import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createOllamaBackend, createOpenAiBackend } from '../../../backend/index.ts'
import { parseRequest } from '../../../protocol/index.ts'
import {
  chat,
  delta,
  events,
  fakeFetch,
  json,
  lines,
  type Reply,
} from '../../../testing/engines/fake-engine.ts'
import { collect, failureOf } from '../../conformance/backend-answers.ts'

const GENERIC = { '/v1/models': () => json({ data: [{ id: 'm', owned_by: 'someone' }] }) }
const VLLM = {
  '/v1/models': () => json({ data: [{ id: 'm', owned_by: 'vllm', max_model_len: 100 }] }),
}
const OLLAMA = {
  '/api/tags': () =>
    json({
      models: [
        { name: 'm:latest', digest: 'a' },
        { name: 'c:cloud', remote_host: 'https://x' },
      ],
    }),
  '/api/ps': () => json({ models: [] }),
  '/api/show': () =>
    json({
      modelfile: '# FROM m:latest\nFROM /blobs/sha256-1\n',
      parameters: 'num_ctx    64\nstop    "<|end|>"',
      capabilities: ['completion', 'tools', 'thinking'],
      model_info: { 'general.architecture': 'llama', 'llama.context_length': 4096 },
    }),
}

describe('failures of an engine behind OpenAI’s protocol', () => {
  const cases: readonly [string, Reply, object][] = [
    ['401', json({ error: { message: 'bad key sk-secret' } }, 401), { code: 'engine_failed' }],
    [
      '404 for the model',
      json({ error: { message: 'The model `m` does not exist.' } }, 404),
      { code: 'model_not_found' },
    ],
    [
      '429',
      json({ error: { message: 'slow down' } }, 429, { 'retry-after': '7' }),
      { code: 'over_capacity', retryAfterMs: 7000 },
    ],
    [
      '429 to the millisecond',
      json({ error: {} }, 429, { 'retry-after': '1', 'retry-after-ms': '350' }),
      { code: 'over_capacity', retryAfterMs: 350 },
    ],
    [
      '429 until a date',
      json({ error: {} }, 429, { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' }),
      { code: 'over_capacity', retryAfterMs: 60_000 },
    ],
    [
      '429 until a date that is past',
      json({ error: {} }, 429, { 'retry-after': 'Sat, 01 Jan 2000 00:00:00 GMT' }),
      { code: 'over_capacity', retryAfterMs: 0 },
    ],
    [
      '503 while loading',
      json({ error: { message: 'Loading model', code: 503 } }, 503),
      { code: 'loading' },
    ],
    ['503', json({ error: { message: 'busy' } }, 503), { code: 'over_capacity' }],
    ['500', new Response('<html>oops', { status: 500 }), { code: 'engine_failed' }],
    ['400', json({ error: { message: 'bad schema' } }, 400), { code: 'invalid_request' }],
    [
      '501',
      json({ error: { message: 'does not support tools' } }, 501),
      { code: 'capability_unavailable', details: { param: 'tools' } },
    ],
    [
      'a context that is too short, as llama-server says it',
      json(
        {
          error: {
            message: 'request (900 tokens) exceeds',
            type: 'exceed_context_size_error',
            n_prompt_tokens: 900,
            n_ctx: 512,
          },
        },
        400,
      ),
      { code: 'context_too_long', details: { promptTokens: 900, contextLength: 512 } },
    ],
    [
      'the same as vLLM says it',
      json(
        {
          error: {
            message:
              "This model's maximum context length is 100 tokens. However, you requested 150 tokens (120 in the messages, 30 in the completion).",
          },
        },
        400,
      ),
      { code: 'context_too_long', details: { promptTokens: 120, contextLength: 100 } },
    ],
    [
      'the same as SGLang says it',
      json(
        {
          error: {
            message:
              "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
          },
        },
        400,
      ),
      { code: 'context_too_long', details: { promptTokens: 5000, contextLength: 4096 } },
    ],
    [
      'a broken connection',
      () => {
        throw new TypeError('fetch failed')
      },
      { code: 'engine_failed' },
    ],
    [
      'an error inside the stream',
      events(delta('a'), '{"error":{"code":500,"message":"out of memory"}}'),
      { code: 'engine_failed' },
    ],
    ['an end without a finish reason', events(delta('a'), '[DONE]'), { code: 'engine_failed' }],
    ['a stream that just ends', events(delta('a')), { code: 'engine_failed' }],
    ['an aborted answer', events(delta('a', 'abort'), '[DONE]'), { code: 'engine_failed' }],
    ['something that is not JSON', events('{"choices":'), { code: 'engine_failed' }],
    [
      'a record without an end',
      new Response(`data: ${'x'.repeat(3_000_000)}`),
      { code: 'engine_failed' },
    ],
  ]
  it.each(cases)('%s becomes its code', async (_, reply, expected) => {
    const { fetch } = fakeFetch({ ...GENERIC, '/v1/chat/completions': reply })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', apiKey: 'sk-secret', fetch })
    const { error } = await failureOf(backend.infer(chat()))
    expect(error).toMatchObject({ name: 'InferenceError', ...expected })
    expect(String((error as Error).message)).not.toContain('sk-secret')
  })

  it('a first record that never comes is engine_failed within its own limit', async () => {
    const never = () => new Response(new ReadableStream())
    const { fetch } = fakeFetch({ ...GENERIC, '/v1/chat/completions': never })
    const backend = createOpenAiBackend({
      baseUrl: 'http://engine',
      fetch,
      firstRecordTimeoutMs: 20,
    })
    const { error } = await failureOf(backend.infer(chat()))
    expect(error).toMatchObject({ code: 'engine_failed' })
  })

  it('a gap in the stream is engine_failed within its own limit', async () => {
    const stalled = () =>
      new Response(
        new ReadableStream({
          start: (controller) =>
            controller.enqueue(new TextEncoder().encode(`data: ${delta('a')}\n\n`)),
        }),
      )
    const { fetch } = fakeFetch({ ...GENERIC, '/v1/chat/completions': stalled })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch, gapTimeoutMs: 20 })
    const { error, events: seen } = await failureOf(backend.infer(chat()))
    expect(seen).toHaveLength(1)
    expect(error).toMatchObject({ code: 'engine_failed' })
  })
})

describe('createOpenAiBackend', () => {
  it('sends only fields of an allow-list, under the engine’s names', async () => {
    const { fetch, bodyOf, sent } = fakeFetch({
      ...VLLM,
      '/v1/chat/completions': () => events(delta('a', 'stop'), '[DONE]'),
    })
    const backend = createOpenAiBackend({
      baseUrl: 'http://engine/v1/',
      apiKey: 'k',
      fetch,
      names: { m: 'mine' },
    })
    const request = chat({
      model: 'mine',
      repeat_penalty: 1.1,
      top_k: 5,
      max_completion_tokens: 9,
      prompt_cache_key: 'x',
    })
    await collect(
      backend.infer({
        ...request,
        body: { ...request.body, chat_template: 'evil' },
      } as unknown as typeof request),
    )
    const { cache_salt: salt, ...body } = bodyOf('/v1/chat/completions') ?? {}
    expect(body).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'hello' }],
      repetition_penalty: 1.1,
      top_k: 5,
      max_tokens: 9,
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(salt).toMatch(/^[0-9a-f]+$/)
    expect(sent.every(({ headers }) => headers.get('authorization') === 'Bearer k')).toBe(true)
  })

  it('trusts the description of an API, without detection', async () => {
    const { fetch, sent } = fakeFetch({
      '/openai/v1/chat/completions': () => events(delta('a', 'stop'), '[DONE]'),
    })
    const init = { baseUrl: 'http://cloud/openai/v1/', fetch, assumed: true }
    const any = createOpenAiBackend({ ...init, headers: { 'x-team': 'geese' } })
    const request = chat({ model: 'Org/Model', logprobs: true, max_completion_tokens: 9 })
    const { text } = await collect(any.infer(request, { hops: 2 }))
    expect(text).toBe('a')
    expect(sent.map(({ path }) => path)).toEqual(['/openai/v1/chat/completions'])
    expect(sent[0]?.body).toMatchObject({ model: 'Org/Model', max_completion_tokens: 9 })
    expect(sent[0]?.headers.get('x-team')).toBe('geese')
    expect(sent[0]?.headers.get('x-skein-hops')).toBe('2')
    expect(await any.load()).toMatchObject({ state: 'ready' })

    const some = createOpenAiBackend({ ...init, models: ['Org/Model'] })
    expect(await some.models()).toMatchObject([{ id: 'org/model', resume: 'none' }])
    const { error } = await failureOf(some.infer(chat({ model: 'other' })))
    expect(error).toMatchObject({ code: 'model_not_found' })
    expect(sent).toHaveLength(1)
  })

  it('marks every call as a node’s', async () => {
    const { fetch, sent } = fakeFetch({
      ...GENERIC,
      '/v1/chat/completions': events(delta('a', 'stop'), '[DONE]'),
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    await collect(backend.infer(chat()))
    expect(new Set(sent.map(({ headers }) => headers.get('x-skein-hops')))).toEqual(
      new Set(['node']),
    )
  })

  it('keeps the prefix caches of clients apart where the engine can', async () => {
    const { fetch, bodyOf } = fakeFetch({
      ...VLLM,
      '/v1/chat/completions': () => events(delta('a', 'stop'), '[DONE]'),
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const saltFor = async (cacheGroup: string) => {
      await collect(backend.infer(chat(), { cacheGroup }))
      const { cache_salt: salt } = bodyOf('/v1/chat/completions') ?? {}
      return salt
    }
    const first = await saltFor('alice')
    expect(await saltFor('alice')).toBe(first)
    expect(await saltFor('bob')).not.toBe(first)
  })

  it('carries reasoning, tool calls, refusals and cached tokens', async () => {
    const call = {
      index: 0,
      id: 'c1',
      type: 'function',
      function: { name: 'look', arguments: '{}' },
    }
    const chunk = (part: object, finish: string | null = null) =>
      JSON.stringify({ choices: [{ index: 0, delta: part, finish_reason: finish }] })
    const usage = {
      prompt_tokens: 20,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 16 },
    }
    const { fetch } = fakeFetch({
      ...GENERIC,
      '/v1/chat/completions': events(
        chunk({ role: 'assistant', content: '' }),
        chunk({ reasoning: 'hm' }),
        chunk({ tool_calls: [call] }),
        chunk({ refusal: 'no' }, 'tool_calls'),
        JSON.stringify({ choices: [], usage }),
        '[DONE]',
      ),
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const tools = [{ type: 'function', function: { name: 'look' } }]
    const answer = await collect(backend.infer(chat({ tools })))
    const deltas = answer.events.flatMap((event) =>
      event.type === 'chunk' && 'choices' in event.json
        ? event.json.choices.map((choice) => ('delta' in choice ? choice.delta : undefined))
        : [],
    )
    expect(deltas).toEqual([{ reasoning_content: 'hm' }, { tool_calls: [call] }, { refusal: 'no' }])
    expect(answer.finishes).toEqual(['tool_calls'])
    expect(answer.done.usage).toEqual({
      promptTokens: 20,
      completionTokens: 5,
      cachedPromptTokens: 16,
    })
  })

  it('names a llama-server’s model by its file, with the digest of the file', async () => {
    const path = '/home/somebody/models/Tiny-Q8_0.gguf'
    const { fetch } = fakeFetch({
      '/v1/models': json({ data: [{ id: path, owned_by: 'llamacpp', meta: { n_params: 7 } }] }),
      '/props': json({
        default_generation_settings: { n_ctx: 768 },
        total_slots: 3,
        model_path: path,
      }),
    })
    const backend = createOpenAiBackend({
      baseUrl: 'http://engine',
      fetch,
      digestOf: async (file) => `of ${file}`,
    })
    expect(await backend.models()).toMatchObject([
      {
        id: 'tiny',
        aliases: ['tiny-q8_0'],
        contextLength: 768,
        parameters: 7,
        digest: `of ${path}`,
      },
    ])
    expect((await backend.load()).slots).toBe(3)
    expect(backend.description).toBe('llama-server at http://engine')
    expect(backend.manager).toBeUndefined()
  })

  it('manages the models of a llama-server that was started without one', async () => {
    const { fetch } = fakeFetch({
      '/v1/models': json({ data: [{ id: 'm', owned_by: 'llamacpp' }] }),
      '/props': json({ role: 'router' }),
      '/models': json({ data: [{ id: 'm', status: { value: 'loaded' } }] }),
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    await backend.models()
    expect(await backend.manager?.list()).toMatchObject([{ name: 'm', state: 'loaded' }])
  })

  it('offers only the listed models', async () => {
    const { fetch } = fakeFetch({ '/v1/models': json({ data: [{ id: 'Org/A' }, { id: 'b' }] }) })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch, models: ['org/a'] })
    expect((await backend.models()).map(({ id }) => id)).toEqual(['org/a'])
  })
})

describe('a llama-server that resumes from token ids', () => {
  const last = { content: '', tokens: [], stop: true, stop_type: 'eos', tokens_evaluated: 9 }
  const trial = (tokens: readonly number[]) => json({ tokens, content: '', stop: true })

  /** The trial's two answers first, then the streamed one. */
  function llamaServer(records: readonly object[], second: readonly number[] = [3, 4]) {
    const completions: Response[] = [trial([1, 2, 3, 4]), trial(second)]
    return fakeFetch({
      '/v1/models': () => json({ data: [{ id: 'm', owned_by: 'llamacpp' }] }),
      '/props': () =>
        json({ default_generation_settings: { n_ctx: 99 }, chat_template: '{{ m }}' }),
      '/apply-template': () => json({ prompt: '<|im_start|>hello<|im_end|>' }),
      '/tokenize': () => json({ tokens: [71, 72] }),
      '/detokenize': () => json({ content: 'one t' }),
      '/completion': () =>
        completions.shift() ?? events(...records.map((record) => JSON.stringify(record))),
      '/v1/chat/completions': () => events(delta('a', 'stop'), '[DONE]'),
    })
  }
  const piece = (content: string, tokens: readonly number[], predicted: number) => ({
    content,
    tokens,
    tokens_predicted: predicted,
    stop: false,
  })

  it('gets the prompt and the ids, and its text is joined to what the caller has', async () => {
    const { fetch, bodyOf } = llamaServer([piece('wo', [13], 1), last])
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const resume = { tokenIds: [11, 12], text: 'one', deliveredBytes: 3 }
    const answer = await collect(backend.infer(chat({ max_tokens: 5 }), { resume }))
    expect(answer.text).toBe(' two')
    expect(bodyOf('/completion')).toMatchObject({
      prompt: ['<|im_start|>hello<|im_end|>', 11, 12],
      n_predict: 3,
    })
    expect(answer.done.usage).toMatchObject({ promptTokens: 7, completionTokens: 1 })
  })

  it('rejects ids that do not decode to what the caller has', async () => {
    const { fetch } = llamaServer([last])
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const resume = { tokenIds: [11, 12], text: 'two', deliveredBytes: 3 }
    const { error } = await failureOf(backend.infer(chat(), { resume }))
    expect(error).toMatchObject({ code: 'not_resumable' })
  })

  it('finds the ids of a character of several tokens', async () => {
    const { fetch } = llamaServer([piece('a', [5], 1), piece('é', [72], 3), last])
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const answer = await collect(backend.infer(chat()))
    const ids = answer.events.flatMap((event) => (event.type === 'chunk' ? event.tokenIds : []))
    expect(ids).toEqual([5, 71, 72])
    expect(answer.done.usage.completionTokens).toBe(3)
  })

  it('parses control tokens in the template, never in user text', async () => {
    const { fetch, sent, bodyOf } = llamaServer([last])
    const rendering: typeof fetch = async (url, init) => {
      if (!url.endsWith('/apply-template')) return await fetch(url, init)
      const { messages } = JSON.parse(String(init.body)) as { messages: { content: string }[] }
      return json({ prompt: `<|im_start|>${messages[0]?.content}<|im_end|>` })
    }
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch: rendering })
    const content = 'hi<|im_end|>there'
    await collect(backend.infer(chat({ messages: [{ role: 'user', content }] })))
    expect(bodyOf('/completion')).toMatchObject({ prompt: ['<|im_start|>', 71, 72, '<|im_end|>'] })
    expect(sent.findLast(({ path }) => path === '/tokenize')?.body).toEqual({
      content,
      add_special: false,
      parse_special: false,
    })
  })

  it('is used through OpenAI’s endpoints if the trial fails', async () => {
    const { fetch, bodyOf } = llamaServer([last], [9, 9])
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const [model] = await backend.models()
    expect(model).toMatchObject({ resume: 'none' })
    expect(model?.capabilities).not.toContain('token_ids')
    await collect(backend.infer(chat()))
    expect(bodyOf('/v1/chat/completions')).toBeDefined()
  })

  it('uses OpenAI’s endpoint for JSON answers, which cannot be resumed', async () => {
    const { fetch, bodyOf } = llamaServer([last])
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const request = chat({ response_format: { type: 'json_object' } })
    await collect(backend.infer(request))
    expect(bodyOf('/v1/chat/completions')).toMatchObject({
      response_format: { type: 'json_object' },
    })
    const resume = { tokenIds: [1], text: '{', deliveredBytes: 1 }
    const { error } = await failureOf(backend.infer(request, { resume }))
    expect(error).toMatchObject({ code: 'not_resumable' })
  })
})

describe('createOllamaBackend', () => {
  const done = {
    message: { content: '' },
    done: true,
    done_reason: 'stop',
    prompt_eval_count: 9,
    eval_count: 2,
  }

  it('disables truncation at Ollama, keeps the Modelfile’s stop strings, maps the options', async () => {
    const { fetch, bodyOf } = fakeFetch({ ...OLLAMA, '/api/chat': lines(done) })
    const backend = createOllamaBackend({ fetch })
    await collect(
      backend.infer(
        chat({ stop: 'x', max_tokens: 5, seed: 3, temperature: 0, reasoning_effort: 'low' }),
      ),
    )
    expect(bodyOf('/api/chat')).toEqual({
      model: 'm:latest',
      messages: [{ role: 'user', content: 'hello' }],
      stream: true,
      truncate: false,
      shift: false,
      think: true,
      options: { num_predict: 5, seed: 3, temperature: 0, stop: ['<|end|>', 'x'] },
    })
  })

  it('lists local models only, with context length and the digest of their weights', async () => {
    const { fetch } = fakeFetch(OLLAMA)
    const backend = createOllamaBackend({ fetch, digestOf: async (path) => `of ${path}` })
    expect(await backend.models()).toMatchObject([
      { id: 'm', contextLength: 64, digest: 'of /blobs/sha256-1' },
    ])
  })

  it('maps tools in both directions', async () => {
    const called = {
      message: {
        content: '',
        thinking: 'hm',
        tool_calls: [{ function: { name: 'look', arguments: { at: 1 } } }],
      },
    }
    const { fetch, bodyOf } = fakeFetch({ ...OLLAMA, '/api/chat': lines(called, done) })
    const backend = createOllamaBackend({ fetch })
    const messages = [
      {
        role: 'assistant',
        tool_calls: [
          { id: 'c9', type: 'function', function: { name: 'look', arguments: '{"at":0}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c9', content: 'a lake' },
    ]
    const tools = [{ type: 'function', function: { name: 'look' } }]
    const answer = await collect(backend.infer(chat({ messages, tools })))
    expect(bodyOf('/api/chat')).toMatchObject({
      tools,
      messages: [
        { role: 'assistant', tool_calls: [{ function: { name: 'look', arguments: { at: 0 } } }] },
        { role: 'tool', tool_name: 'look', content: 'a lake' },
      ],
    })
    expect(answer.finishes).toEqual(['tool_calls'])
    expect(answer.events[0]).toMatchObject({
      json: {
        choices: [
          {
            delta: {
              reasoning_content: 'hm',
              tool_calls: [{ index: 0, function: { name: 'look', arguments: '{"at":1}' } }],
            },
          },
        ],
      },
    })
  })

  it.each([
    ['a stream that just ends', lines({ message: { content: 'a' } }), 'engine_failed'],
    [
      'an error inside the stream',
      lines({ message: { content: 'a' } }, { error: 'out of memory' }),
      'engine_failed',
    ],
    ['an empty answer', lines({ ...done, done_reason: 'load' }), 'engine_failed'],
    [
      'a full queue',
      json({ error: 'server busy, please try again. maximum pending requests exceeded' }, 503),
      'over_capacity',
    ],
    [
      'a prompt that is too long',
      json({ error: 'the input length exceeds the context length' }, 400),
      'context_too_long',
    ],
    [
      'a missing ability',
      json({ error: '"m" does not support thinking' }, 400),
      'capability_unavailable',
    ],
    ['a line without an end', new Response('x'.repeat(3_000_000)), 'engine_failed'],
  ])('%s becomes its code, too', async (_, reply, code) => {
    const { fetch } = fakeFetch({ ...OLLAMA, '/api/chat': reply })
    const { error } = await failureOf(createOllamaBackend({ fetch }).infer(chat()))
    expect(error).toMatchObject({ name: 'InferenceError', code })
  })

  it('rejects prompts of token ids', async () => {
    const { fetch } = fakeFetch(OLLAMA)
    const request = parseRequest('completion', { model: 'm', prompt: [1, 2] })
    const { error } = await failureOf(createOllamaBackend({ fetch }).infer(request))
    expect(error).toMatchObject({ code: 'capability_unavailable', details: { param: 'prompt' } })
  })
})

describe('thoughts of an earlier message', () => {
  const messages = [
    { role: 'user', content: 'hello', reasoning_content: 'of a user' },
    { role: 'assistant', content: 'hi', reasoning_content: 'I greet.' },
    { role: 'assistant', content: 'there', reasoning: 'I greet more.', reasoning_content: null },
    { role: 'user', content: 'and?' },
  ]
  const sentTo = async (table: Readonly<Record<string, Reply>>, init: object = {}) => {
    const path = '/v1/chat/completions'
    const { fetch, bodyOf } = fakeFetch({ ...table, [path]: () => events(delta('a', 'stop')) })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch, ...init })
    await collect(backend.infer(chat({ messages })))
    const sent = bodyOf(path)?.['messages'] as readonly { reasoning_content?: string }[]
    return sent.map(({ reasoning_content: thought }) => thought)
  }

  it('go to engines whose templates take them, and nowhere else', async () => {
    const thoughts = [undefined, 'I greet.', 'I greet more.', undefined]
    expect(await sentTo(VLLM)).toEqual(thoughts)
    expect(await sentTo({}, { assumed: true })).toEqual(thoughts.map(() => undefined))
  })

  it('go to Ollama by its own name', async () => {
    const { fetch, bodyOf } = fakeFetch({
      ...OLLAMA,
      '/api/chat': lines({ message: { content: 'a' }, done: true, done_reason: 'stop' }),
    })
    await collect(createOllamaBackend({ fetch }).infer(chat({ messages })))
    expect(bodyOf('/api/chat')?.['messages']).toMatchObject([
      ...[{}, { thinking: 'I greet.' }, { thinking: 'I greet more.' }, {}],
    ])
  })
})

describe('detected capabilities', () => {
  const LLAMA = {
    '/v1/models': () => json({ data: [{ id: 'some-model', owned_by: 'llamacpp' }] }),
    '/props': () => json({ default_generation_settings: { n_ctx: 512 }, chat_template_caps: {} }),
  }
  const vector = () => json({ data: [{ index: 0, embedding: [1] }] })
  const said = () => json({ choices: [{ message: { content: 'a' }, finish_reason: 'stop' }] })
  const refused = (message: string, status: number) => () => json({ error: { message } }, status)
  const capabilitiesOf = async (table: Readonly<Record<string, Reply>>, init: object = {}) => {
    const { fetch } = fakeFetch(table)
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch, ...init })
    const [model] = await backend.models()
    return model?.capabilities
  }

  it('an embedding model at a llama-server is not offered for chats, whatever its name', async () => {
    const noLogits = 'the current context does not support logits computation. skipping'
    const table = {
      ...LLAMA,
      '/v1/embeddings': vector,
      '/v1/chat/completions': refused(noLogits, 500),
    }
    expect(await capabilitiesOf(table)).toEqual(['embedding'])
    expect(await capabilitiesOf({ ...table, '/v1/embeddings': refused('no', 501) })).toBeUndefined()
  })

  it('a chat model with "embedding" in its name is offered for chats', async () => {
    const table = {
      ...LLAMA,
      '/v1/models': () => json({ data: [{ id: 'embedded-chat', owned_by: 'llamacpp' }] }),
      '/v1/chat/completions': said,
    }
    expect(await capabilitiesOf(table)).toContain('chat')
  })

  it('an engine that is busy at the first look is asked again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const chats = [json({ error: { message: 'busy' } }, 503), said()]
    const { fetch } = fakeFetch({
      ...LLAMA,
      '/v1/embeddings': vector,
      '/v1/chat/completions': () => chats.shift() ?? said(),
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    expect((await backend.models())[0]?.capabilities).toEqual(['embedding'])
    await vi.advanceTimersByTimeAsync(10_000)
    expect((await backend.models())[0]?.capabilities).toContain('chat')
    expect(chats).toEqual([])
  })

  it('a vLLM has tools if it accepts them', async () => {
    const without = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'
    expect(await capabilitiesOf({ ...VLLM, '/v1/chat/completions': said })).toContain('tools')
    const table = { ...VLLM, '/v1/chat/completions': refused(without, 400) }
    expect(await capabilitiesOf(table)).not.toContain('tools')
  })

  it('a vLLM that refuses is not tried again', async () => {
    const { fetch, sent } = fakeFetch({ ...VLLM, '/v1/chat/completions': refused('no', 400) })
    let now = 0
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch, now: () => now })
    await backend.models()
    const trials = sent.filter(({ path }) => path === '/v1/chat/completions').length
    now = 60_000
    await backend.models()
    const all = sent.filter(({ path }) => path === '/v1/chat/completions').length
    expect([trials > 0, all]).toEqual([true, trials])
  })

  it.each<[string, number, boolean]>([
    ['sees, if it counts tokens for an image', 20, true],
    ['does not see, if it drops the image', 4, false],
  ])('a vLLM %s', async (_, tokens, isSeen) => {
    const path = '/v1/chat/completions'
    const { fetch, bodyOf } = fakeFetch({
      ...VLLM,
      [path]: () =>
        json({
          choices: [{ message: { content: 'a' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: JSON.stringify(bodyOf(path)).includes('image_url') ? tokens : 4 },
        }),
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const [model] = await backend.models()
    const capabilities = model?.capabilities
    expect(capabilities?.includes('vision')).toBe(isSeen)
  })

  it('are overridden by the operator', async () => {
    const init = { exactCapabilities: ['chat', 'tools', 'vision'] }
    expect(await capabilitiesOf({ ...LLAMA, '/v1/embeddings': vector }, init)).toEqual([
      'chat',
      'tools',
      'vision',
    ])
  })
})

describe('a kept-alive connection that the engine has closed', () => {
  const stale = (socket: object): TypeError =>
    new TypeError('fetch failed', {
      cause: Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET', socket }),
    })
  const asked = async (...failures: readonly Error[]) => {
    const coming = [...failures]
    const { fetch, sent } = fakeFetch({
      '/v1/chat/completions': () => {
        const failure = coming.shift()
        if (failure !== undefined) throw failure
        return events(delta('a', 'stop'), '[DONE]')
      },
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine/v1', fetch, assumed: true })
    const { error } = await failureOf(backend.infer(chat()))
    return { error, tries: sent.length }
  }

  it('is retried once if it had carried an answer before', async () => {
    expect(await asked(stale({ bytesRead: 900 }))).toEqual({ error: undefined, tries: 2 })
    const twice = await asked(stale({ bytesRead: 900 }), stale({ bytesRead: 900 }))
    expect(twice).toMatchObject({ error: { code: 'engine_failed' }, tries: 2 })
  })

  it('is not retried if the engine may have worked on the request', async () => {
    const fresh = await asked(stale({ bytesRead: 0 }))
    expect(fresh).toMatchObject({ error: { code: 'engine_failed' }, tries: 1 })
    const refused = new TypeError('fetch failed', {
      cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    })
    expect((await asked(refused)).tries).toBe(1)
  })
})
