import { describe, expect, it, vi } from 'vitest'
import { ANSWER_PREFIX } from '../../../protocol/index.ts'
import { events, json } from '../../../testing/engines/fake-engine.ts'
import { chunk, gatewayOver } from './gateway-over.ts'

vi.setConfig({ testTimeout: 30_000 })

const messages = [{ role: 'user', content: 'Count from 1 to 6.' }]
const WRITE = { name: 'write', input_schema: { type: 'object' } }

describe('a tool call that max_tokens cuts', () => {
  const cut = (): Response =>
    events(
      chunk({
        tool_calls: [
          { index: 0, id: 'c1', function: { name: 'write', arguments: '{"text": "On' } },
        ],
      }),
      chunk({}, 'length'),
      '[DONE]',
    )

  it('ends Anthropic’s message with max_tokens, whole and streamed', async () => {
    const { post } = await gatewayOver([], cut)
    const asked = { model: 'p/x', max_tokens: 5, messages, tools: [WRITE] }
    const whole = await post('/v1/messages', asked)
    expect(whole.status).toBe(200)
    expect(whole.body).toMatchObject({
      stop_reason: 'max_tokens',
      content: [{ type: 'tool_use', name: 'write', input: {} }],
    })
    const { text } = await post('/v1/messages', { ...asked, stream: true })
    expect(text).toContain('"stop_reason":"max_tokens"')
    expect(text).toContain('event: message_stop')
    expect(text).not.toContain('event: error')
  })

  it.each([false, true])('ends Ollama’s answer with length; streamed: %s', async (stream) => {
    const { post } = await gatewayOver([], cut)
    const tools = [{ type: 'function', function: { name: 'write' } }]
    const { text } = await post('/api/chat', { model: 'p/x', stream, messages, tools })
    const last = JSON.parse(text.trim().split('\n').at(-1) ?? '')
    expect(last).toMatchObject({ done: true, done_reason: 'length' })
    expect(text).not.toContain('tool_calls')
  })

  it('fails in both if the model ended it by itself', async () => {
    const broken = () =>
      events(
        chunk({
          tool_calls: [{ index: 0, id: 'c', function: { name: 'write', arguments: '{"a' } }],
        }),
        chunk({}, 'tool_calls'),
        '[DONE]',
      )
    const { post } = await gatewayOver([], broken)
    const asked = { model: 'p/x', max_tokens: 5, messages, tools: [WRITE] }
    expect((await post('/v1/messages', asked)).status).toBe(502)
  })
})

describe('hints', () => {
  it('are left out if the engine lacks them, and listed by the caller’s names', async () => {
    const { post } = await gatewayOver([{}])
    const chat = await post('/v1/chat/completions', {
      ...{ model: 'm', messages, temperature: 0 },
      ...{ reasoning_effort: 'high', verbosity: 'low', parallel_tool_calls: false },
    })
    expect(chat.status).toBe(200)
    expect(chat.headers.get('x-skein-ignored')?.split(', ').sort()).toEqual([
      'parallel_tool_calls',
      'reasoning_effort',
      'verbosity',
    ])
    const message = await post('/v1/messages', {
      ...{ model: 'm', max_tokens: 50, messages, output_config: { effort: 'max' } },
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    })
    expect(message.status).toBe(200)
    expect(message.headers.get('x-skein-ignored')).toBe('cache_control, output_config.effort')
    const response = await post('/v1/responses', {
      ...{ model: 'm', input: 'Count from 1 to 3.', stream: true },
      ...{ reasoning: { effort: 'medium' }, text: { verbosity: 'high' } },
    })
    expect(response.headers.get('x-skein-ignored')).toBe('reasoning.effort, text.verbosity')
    const line = await post('/api/chat', { model: 'm', messages, think: true })
    expect(line.status).toBe(200)
    expect(line.headers.get('x-skein-ignored')).toBe('think')
  })

  it('go to an engine that supports them, and are not listed', async () => {
    const { post, sent } = await gatewayOver([], () => events(chunk({ content: 'a' }, 'stop')))
    const { headers } = await post('/v1/chat/completions', {
      ...{ model: 'p/x', messages, reasoning_effort: 'low', parallel_tool_calls: false },
    })
    expect(headers.get('x-skein-ignored')).toBeNull()
    expect(sent()).toMatchObject({ reasoning_effort: 'low', parallel_tool_calls: false })
  })

  it.each<[object, string]>([
    [{ enable_thinking: false }, 'enable_thinking'],
    [{ think: false }, 'think'],
    [{ thinking: { type: 'disabled' } }, 'thinking'],
    [{ chat_template_kwargs: { enable_thinking: false } }, 'chat_template_kwargs'],
    [{ reasoning: { effort: 'low' } }, 'reasoning'],
    [{ thinking: { type: 'adaptive' } }, 'thinking'],
    [{ cache_prompt: true, keep_alive: '5m' }, 'cache_prompt, keep_alive'],
    [{ web_search_options: {} }, 'web_search_options'],
  ])('%j of other APIs is one, too', async (hint, names) => {
    const { post } = await gatewayOver([{}])
    const { status, headers } = await post('/v1/chat/completions', {
      ...{ model: 'm', messages, ...hint },
    })
    expect([status, headers.get('x-skein-ignored')]).toEqual([200, names])
  })

  it.each<[object, unknown]>([
    [{ enable_thinking: false }, 'none'],
    [{ chat_template_kwargs: { thinking: false } }, 'none'],
    [{ reasoning: { effort: 'high' } }, 'high'],
    [{ reasoning: { enabled: false } }, 'none'],
    [{ think: 'low' }, 'low'],
    [{ think: true }, undefined],
    [{ thinking: { type: 'disabled' }, reasoning_effort: 'high' }, 'high'],
  ])('%j asks an engine for the effort %s', async (hint, effort) => {
    const { post, sent } = await gatewayOver([], () => events(chunk({ content: 'a' }, 'stop')))
    await post('/v1/chat/completions', { model: 'p/x', messages, ...hint })
    expect((sent() as { reasoning_effort?: unknown }).reasoning_effort).toBe(effort)
  })

  it.each([
    { think: 7 },
    { chat_template_kwargs: { enable_thinking: false, other: 1 } },
    { keep_alive: {} },
    { thinking: 'off' },
  ])('%j is of another shape, and rejected by its name', async (hint) => {
    const { post } = await gatewayOver([{}])
    const { status, body } = await post('/v1/chat/completions', { model: 'm', messages, ...hint })
    expect([status, body.error.param]).toEqual([400, Object.keys(hint)[0]])
  })

  it('are rejected by name if they change the answer', async () => {
    const { post } = await gatewayOver([{}])
    const { status, body } = await post('/v1/chat/completions', {
      model: 'm',
      messages,
      min_p: 0.2,
    })
    expect(status).toBe(400)
    expect(body.error).toMatchObject({ code: 'capability_unavailable', param: 'min_p' })
  })

  it.each([
    ['presence_penalty', 0],
    ['logit_bias', {}],
    ['stop', []],
    ['tools', []],
    ['top_k', 0],
    ['top_k', -1],
    ['repetition_penalty', 1],
    ['n', 1],
    ['whatever_comes', null],
    ['functions', []],
    ['tool_choice', 'auto'],
  ])('%s of %j asks for nothing', async (field, value) => {
    const { post } = await gatewayOver([{}])
    const { status } = await post('/v1/chat/completions', { model: 'm', messages, [field]: value })
    expect(status).toBe(200)
  })

  it.each([
    ['user', 7],
    ['metadata', 'a'],
    ['metadata', { a: { b: 1 } }],
    ['store', 'yes'],
    ['stream', 'yes'],
    ['stream_options', []],
    ['prediction', 'a'],
  ])('%s of %j is of the wrong type, though it has no effect', async (field, value) => {
    const { post } = await gatewayOver([{}])
    const { status, body } = await post('/v1/chat/completions', {
      model: 'm',
      messages,
      [field]: value,
    })
    expect(status).toBe(400)
    expect(body.error.param).toMatch(new RegExp(`^${field}`))
  })
})

describe('null and neutral values in other dialects', () => {
  it.each<[string, object]>([
    ['/v1/messages', { max_tokens: 9, messages, temperature: null, tools: null, whatever: null }],
    [
      '/v1/messages',
      { max_tokens: 9, messages, top_k: -1, metadata: { user_id: null }, speed: 'standard' },
    ],
    ['/v1/responses', { input: 'Hello', instructions: null, whatever: null, conversation: null }],
    ['/api/chat', { messages, stream: false, format: null, whatever: null, shift: true }],
    ['/api/generate', { prompt: 'Hello', stream: false, truncate: true, context: [] }],
  ])('%s takes %j', async (path, body) => {
    const { post } = await gatewayOver([{}])
    const { status, text } = await post(path, { model: 'm', ...body })
    expect([status, text]).toEqual([200, expect.any(String)])
  })

  it.each<[string, object]>([
    ['/v1/messages', { max_tokens: 9, messages, metadata: { user_id: 7 } }],
    ['/v1/responses', { input: 'Hello', service_tier: 7 }],
    ['/api/chat', { messages, keep_alive: {} }],
  ])('%s refuses %j, though it has no effect', async (path, body) => {
    const { post } = await gatewayOver([{}])
    expect((await post(path, { model: 'm', ...body })).status).toBe(400)
  })
})

describe('arguments of a tool call', () => {
  it('that nest too deeply are the engine’s fault, not the gateway’s', async () => {
    const deep = `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    const call = { index: 0, id: 'c', function: { name: 'write', arguments: deep } }
    const { post } = await gatewayOver([], () =>
      events(chunk({ tool_calls: [call] }, 'tool_calls')),
    )
    const asked = { model: 'p/x', max_tokens: 9, messages, tools: [WRITE] }
    expect((await post('/v1/messages', asked)).status).toBe(502)
  })
})

describe('tools that no peer can run', () => {
  it('are left out of a list, and listed', async () => {
    const { post, sent } = await gatewayOver([], () => events(chunk({ content: 'a' }, 'stop')))
    const own = { type: 'function', name: 'look', parameters: { type: 'object' } }
    const response = await post('/v1/responses', {
      ...{ model: 'p/x', input: 'Hello' },
      tools: [{ type: 'web_search' }, own, { type: 'local_shell' }],
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('x-skein-ignored')).toBe('tools.web_search, tools.local_shell')
    expect(sent()?.tools).toMatchObject([{ function: { name: 'look' } }])
    const message = await post('/v1/messages', {
      ...{ model: 'p/x', max_tokens: 9, messages },
      tools: [WRITE, { type: 'web_search_20250305', name: 'web_search', max_uses: 3 }],
    })
    expect(message.headers.get('x-skein-ignored')).toBe('tools.web_search_20250305')
    const chat = await post('/v1/chat/completions', {
      ...{ model: 'p/x', messages, tools: [{ type: 'web_search_preview' }] },
    })
    expect(chat.status).toBe(200)
    expect(chat.headers.get('x-skein-ignored')).toBe('tools.web_search_preview')
    expect(sent()?.tools).toBeUndefined()
  })

  it('cannot be chosen, because no remaining tool satisfies the choice', async () => {
    const { post } = await gatewayOver([{}])
    const search = [{ type: 'web_search_20250305', name: 'web_search' }]
    for (const choice of [{ type: 'any' }, { type: 'tool', name: 'web_search' }]) {
      const asked = { model: 'm', max_tokens: 9, messages, tools: search, tool_choice: choice }
      const { status, body } = await post('/v1/messages', asked)
      expect([status, body.error.message]).toEqual([400, expect.stringContaining('tool_choice')])
    }
    const asked = {
      model: 'm',
      input: 'x',
      tools: [{ type: 'web_search' }],
      tool_choice: 'required',
    }
    expect((await post('/v1/responses', asked)).body.error.param).toBe('tool_choice')
  })

  it('may be 300', async () => {
    const { post } = await gatewayOver([], () => events(chunk({ content: 'a' }, 'stop')))
    const tools = Array.from({ length: 300 }, (_, at) => ({ ...WRITE, name: `tool_${at}` }))
    const asked = { model: 'p/x', max_tokens: 9, messages, tools }
    expect((await post('/v1/messages', asked)).status).toBe(200)
  })

  it.each([false, true])(
    'custom ones of a chat pass as functions, and come back in their own form; streamed: %s',
    async (stream) => {
      const calls = [
        { index: 0, id: 'c1', function: { name: 'patch', arguments: '{"input": "*** ' } },
        { index: 1, id: 'c2', function: { name: 'send', arguments: '{"to":"x"}' } },
      ]
      const rest = [{ index: 0, function: { arguments: 'Begin"}' } }]
      const { post, sent } = await gatewayOver([], () =>
        events(chunk({ tool_calls: calls }), chunk({ tool_calls: rest }, 'tool_calls'), '[DONE]'),
      )
      const patch = {
        name: 'patch',
        description: 'Changes files.',
        format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "a"' } },
      }
      const earlier = { id: 'c0', type: 'custom', custom: { name: 'patch', input: 'x"' } }
      const { text, headers } = await post('/v1/chat/completions', {
        ...{ model: 'p/x', stream },
        messages: [
          ...messages,
          { role: 'assistant', content: null, tool_calls: [earlier] },
          { role: 'tool', tool_call_id: 'c0', content: 'done' },
        ],
        tools: [
          { type: 'custom', custom: patch },
          { type: 'function', function: { name: 'send' } },
          { type: 'web_search' },
        ],
      })
      expect(headers.get('x-skein-ignored')).toBe('tools.web_search')
      const answers = stream
        ? text
            .split('\n')
            .filter((line) => line.startsWith('data: {'))
            .map((line) => JSON.parse(line.slice(6)).choices[0]?.delta)
        : [JSON.parse(text).choices[0].message]
      expect(answers.flatMap((part) => part?.tool_calls ?? [])).toMatchObject([
        { id: 'c1', type: 'custom', custom: { name: 'patch', input: '*** Begin' } },
        { id: 'c2', type: 'function', function: { name: 'send', arguments: '{"to":"x"}' } },
      ])
      expect(sent()).toMatchObject({
        tools: [
          { type: 'function', function: { name: 'patch' } },
          { type: 'function', function: { name: 'send' } },
        ],
      })
      expect(JSON.stringify(sent()?.tools)).toContain('start: \\"a\\"')
      expect(sent()?.messages).toMatchObject([
        {},
        { tool_calls: [{ function: { name: 'patch', arguments: '{"input":"x\\""}' } }] },
        {},
      ])
      await post('/v1/chat/completions', {
        ...{ model: 'p/x', messages, tools: [{ type: 'custom', custom: patch }] },
        tool_choice: { type: 'custom', custom: { name: 'patch' } },
      })
      expect(sent()).toMatchObject({
        tool_choice: { type: 'function', function: { name: 'patch' } },
      })
    },
  )

  it.each([false, true])(
    'custom ones and namespaces pass as functions; streamed: %s',
    async (stream) => {
      const calls = [
        { index: 0, id: 'c1', function: { name: 'patch', arguments: '{"input": "*** Begin"}' } },
        { index: 1, id: 'c2', function: { name: 'mail__send', arguments: '{"to":"x"}' } },
      ]
      const { post, sent } = await gatewayOver([], () =>
        events(chunk({ tool_calls: calls }, 'tool_calls'), '[DONE]'),
      )
      const { text } = await post('/v1/responses', {
        ...{ model: 'p/x', input: 'Hello', stream },
        tools: [
          {
            type: 'custom',
            name: 'patch',
            format: { type: 'grammar', syntax: 'lark', definition: 'start: "a"' },
          },
          { type: 'namespace', name: 'mail', tools: [{ type: 'function', name: 'send' }] },
        ],
      })
      const done = stream
        ? text
            .split('\n')
            .find((line) => line.includes('"type":"response.completed"'))
            ?.slice(6)
        : text
      const { output } = stream ? JSON.parse(done ?? '').response : JSON.parse(text)
      expect(output).toMatchObject([
        { type: 'custom_tool_call', call_id: 'c1', name: 'patch', input: '*** Begin' },
        {
          type: 'function_call',
          call_id: 'c2',
          name: 'send',
          namespace: 'mail',
          arguments: '{"to":"x"}',
        },
      ])
      expect(JSON.stringify(sent()?.tools)).toContain('start: \\"a\\"')
      await post('/v1/responses', {
        model: 'p/x',
        input: [
          { role: 'user', content: 'Hello' },
          { type: 'custom_tool_call', call_id: 'c1', name: 'patch', input: '*** Begin' },
          { type: 'custom_tool_call_output', call_id: 'c1', output: 'done' },
        ],
      })
      expect(sent()?.messages).toMatchObject([
        { role: 'user' },
        { role: 'assistant', tool_calls: [{ function: { arguments: '{"input":"*** Begin"}' } }] },
        { role: 'tool', content: 'done' },
      ])
    },
  )

  it.each(['required', { type: 'function', function: { name: 'nope' } }])(
    'cannot be asked for where the list lacks them: %j',
    async (choice) => {
      const { post } = await gatewayOver([{}])
      const tools = choice === 'required' ? [] : [{ type: 'function', function: { name: 'look' } }]
      const { status, body } = await post('/v1/chat/completions', {
        ...{ model: 'm', messages, tools, tool_choice: choice },
      })
      expect(status).toBe(400)
      expect(body.error.param).toBe('tool_choice')
    },
  )
})

describe('a choice among tools', () => {
  const tools = [{ type: 'function', function: { name: 'look' } }]
  it.each(['auto', 'required'])('of those allowed, by mode %s, offers no others', async (mode) => {
    const { post, sent } = await gatewayOver([], () => events(chunk({ content: 'a' }, 'stop')))
    const { status } = await post('/v1/chat/completions', {
      ...{ model: 'p/x', messages },
      tools: [
        ...tools,
        { type: 'function', function: { name: 'open' } },
        { type: 'custom', custom: { name: 'patch' } },
      ],
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: { mode, tools: [tools[0], { type: 'custom', custom: { name: 'patch' } }] },
      },
    })
    expect(status).toBe(200)
    expect(sent()).toMatchObject({
      tools: [{ function: { name: 'look' } }, { function: { name: 'patch' } }],
      tool_choice: mode,
    })
  })

  it('goes to a peer whose engine supports it, and is rejected by name otherwise', async () => {
    const without = await gatewayOver([{ model: { fields: [] } }])
    const asked = { model: 'm', messages, tools, tool_choice: 'required' }
    const refused = await without.post('/v1/chat/completions', asked)
    expect(refused.status).toBe(400)
    expect(refused.body.error).toMatchObject({
      code: 'capability_unavailable',
      param: 'tool_choice',
    })
    const mixed = await gatewayOver([
      { model: { fields: [] }, scriptOf: () => ({ answer: 'from the wrong one' }) },
      { model: { fields: ['tool_choice'] }, scriptOf: () => ({ answer: 'from the right one' }) },
    ])
    const { body } = await mixed.post('/v1/chat/completions', asked)
    expect(body.choices[0].message.content).toBe('from the right one')
  })
})

describe('an answer that the caller has begun', () => {
  const begun = [...messages, { role: 'assistant', content: '1, 2,' }]
  it('is continued in every dialect', async () => {
    const { post } = await gatewayOver([{ model: { fields: [ANSWER_PREFIX] } }])
    const chat = await post('/v1/chat/completions', { model: 'm', messages: begun })
    expect(chat.body.choices[0].message.content).toBe(' 3, 4, 5, 6.')
    const message = await post('/v1/messages', { model: 'm', max_tokens: 99, messages: begun })
    expect(message.body.content[0].text).toBe(' 3, 4, 5, 6.')
    const line = await post('/api/chat', { model: 'm', stream: false, messages: begun })
    expect(line.body.message.content).toBe(' 3, 4, 5, 6.')
  })

  it.each<[string, object, object]>([
    ['DeepSeek’s mark', { prefix: true }, {}],
    ['Moonshot’s mark', { partial: true }, {}],
    ['vLLM’s fields', {}, { continue_final_message: true, add_generation_prompt: false }],
  ])('is continued with %s', async (_, mark, fields) => {
    const { post } = await gatewayOver([{ model: { fields: [ANSWER_PREFIX] } }])
    const marked = [...messages, { role: 'assistant', content: '1, 2,', ...mark }]
    const { body } = await post('/v1/chat/completions', { model: 'm', messages: marked, ...fields })
    expect(body.choices[0].message.content).toBe(' 3, 4, 5, 6.')
  })

  it.each<[string, object]>([
    ['messages.0.prefix', { messages: [{ role: 'user', content: 'x', prefix: true }] }],
    ['continue_final_message', { messages, continue_final_message: true }],
    ['continue_final_message', { messages: begun, continue_final_message: false }],
  ])('is refused by %s elsewhere', async (param, body) => {
    const { post } = await gatewayOver([{ model: { fields: [ANSWER_PREFIX] } }])
    const refused = await post('/v1/chat/completions', { model: 'm', ...body })
    expect([refused.status, refused.body.error.param]).toEqual([400, param])
  })

  it('is rejected if no engine can continue it', async () => {
    const { post } = await gatewayOver([{ model: { fields: [] } }])
    const { status, body } = await post('/v1/messages', {
      model: 'm',
      max_tokens: 9,
      messages: begun,
    })
    expect(status).toBe(400)
    expect(body.error.message).toContain("'messages'")
  })
})

describe('codes and ends that clients branch on', () => {
  it('a prompt that is too long has the message and the code of its dialect', async () => {
    const { post } = await gatewayOver([{ model: { contextLength: 20 } }])
    const long = [{ role: 'user', content: 'goose '.repeat(200) }]
    const chat = await post('/v1/chat/completions', { model: 'm', messages: long })
    expect(chat.status).toBe(400)
    expect(chat.body.error.code).toBe('context_length_exceeded')
    expect(chat.body.error.message).toMatch(/maximum context length is 20 tokens/)
    const message = await post('/v1/messages', { model: 'm', max_tokens: 9, messages: long })
    expect(message.body.error.message).toMatch(/^prompt is too long: \d+ tokens > 20 maximum$/)
  })

  it.each([
    'prompt is too long: 9000 tokens > 8192 maximum',
    'Input is too long for requested model.',
    'The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).',
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    'Please reduce the length of the messages or completion.',
    'Your request exceeded model token limit: 8192 (requested: 9000)',
    'invalid params, context window exceeds limit (2013)',
    'prompt token count of 142234 exceeds the limit of 128000',
    '`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens',
    'max_tokens must be at least 1, got -9.',
  ])('a provider’s “%s” is such a prompt, without invented figures', async (words) => {
    const { post } = await gatewayOver([], json({ error: { message: words } }, 400))
    const asked = { model: 'p/x', max_tokens: 9, messages }
    const chat = await post('/v1/chat/completions', asked)
    expect([chat.status, chat.body.error.code]).toEqual([400, 'context_length_exceeded'])
    expect(chat.body.error.message).not.toContain('is 0 tokens')
    const message = await post('/v1/messages', asked)
    expect(message.body.error.message).toMatch(/^prompt is too long: /)
  })

  it.each([false, true])('a stop sequence is reported; streamed: %s', async (stream) => {
    const { post } = await gatewayOver([{}])
    const asked = { model: 'm', max_tokens: 99, messages, stop_sequences: ['9', ' 4'], stream }
    const { text } = await post('/v1/messages', asked)
    expect(text).toContain('"stop_reason":"stop_sequence"')
    expect(text).toContain('"stop_sequence":" 4"')
    const chat = await post('/v1/chat/completions', { model: 'm', messages, stop: ' 4', stream })
    expect(chat.text).not.toContain('stop_reason')
    expect(chat.text).toContain('"finish_reason":"stop"')
  })

  it('reasoning tokens are counted', async () => {
    const usage = {
      ...{ prompt_tokens: 5, completion_tokens: 9 },
      completion_tokens_details: { reasoning_tokens: 7 },
    }
    const reply = () =>
      events(chunk({ content: 'a' }, 'stop'), JSON.stringify({ choices: [], usage }), '[DONE]')
    const { post } = await gatewayOver([], reply)
    const chat = await post('/v1/chat/completions', { model: 'p/x', messages })
    expect(chat.body.usage.completion_tokens_details).toEqual({ reasoning_tokens: 7 })
    const response = await post('/v1/responses', { model: 'p/x', input: 'Hello' })
    expect(response.body.usage.output_tokens_details).toEqual({ reasoning_tokens: 7 })
  })

  it('text offsets point into the text that is shown', async () => {
    const { post } = await gatewayOver([{}])
    const asked = { model: 'm', prompt: 'Count from 1 to 12.', logprobs: 1 }
    const { body } = await post('/v1/completions', asked)
    const [{ text, logprobs }] = body.choices
    expect(logprobs.text_offset).toHaveLength(logprobs.tokens.length)
    for (const [at, token] of logprobs.tokens.entries()) {
      expect(text.slice(logprobs.text_offset[at]).startsWith(token)).toBe(true)
    }
  })

  it.each([
    ['/v1/chat/completions', { messages, n: 3 }],
    ['/v1/completions', { prompt: ['Count from 1 to 3.', 'Count from 1 to 2.'], n: 2 }],
  ])('%s of many answers has one chunk with usage, the last', async (path, asked) => {
    const { post } = await gatewayOver([{}])
    const { text } = await post(path, {
      ...{ model: 'm', temperature: 0, stream: true, stream_options: { include_usage: true } },
      ...asked,
    })
    const chunks = text
      .split('\n')
      .filter((line) => line.startsWith('data: {'))
      .map((line) => JSON.parse(line.slice(6)))
    expect(chunks.filter(({ usage }) => usage !== null)).toHaveLength(1)
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: expect.anything() })
  })
})

describe('Ollama’s clients', () => {
  it('see the caller’s own names beside what the swarm serves', async () => {
    const { post } = await gatewayOver([{}])
    const about = await post('/api/show', { model: 'mine' })
    expect(about.body.capabilities).toContain('completion')
    expect((await post('/api/generate', { model: 'mine' })).status).toBe(200)
    expect((await post('/api/generate', { model: 'p/whatever' })).status).toBe(200)
  })

  it('read why there is no account, which a push asks for first', async () => {
    const { post } = await gatewayOver([{}])
    const { status, body } = await post('/api/me', {})
    expect([status, body.error]).toEqual([501, expect.stringContaining('no accounts')])
  })

  it('see a digest for every model, and chat models as such', async () => {
    const { post } = await gatewayOver([{ model: { capabilities: ['chat', 'embedding'] } }])
    const { body } = await post('/api/show', { model: '', name: 'm:latest' })
    expect(body.capabilities).toEqual(['completion'])
    expect((await post('/api/generate', { model: 'nix', prompt: '' })).status).toBe(404)
    expect((await post('/api/generate', { model: 'm', prompt: '' })).status).toBe(200)
  })
})
