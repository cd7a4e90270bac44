import { describe, expect, it, vi } from 'vitest'
import { events } from '../../../testing/engines/fake-engine.ts'
import { chunk, gatewayOver } from './gateway-over.ts'

vi.setConfig({ testTimeout: 30_000 })

const messages = [{ role: 'user', content: 'Count from 1 to 3.' }]

/** A request without hints in each dialect. */
const PLAIN: Readonly<Record<string, object>> = {
  '/v1/chat/completions': { messages },
  '/v1/completions': { prompt: 'Count from 1 to 3.' },
  '/v1/responses': { input: 'Count from 1 to 3.' },
  '/v1/messages': { messages, max_tokens: 99 },
  '/api/chat': { messages, stream: false },
  '/api/generate': { prompt: 'Count from 1 to 3.', stream: false },
}

/** Hints of all APIs, by their names there. */
const HINTS: readonly (readonly [field: string, value: unknown])[] = [
  ['reasoning_effort', 'low'],
  ['enable_thinking', false],
  ['thinking', { type: 'disabled' }],
  ['thinking_budget', 0],
  ['chat_template_kwargs', { enable_thinking: false }],
  ['chat_template_kwargs', { reasoning_effort: 'high' }],
  ['reasoning', { effort: 'low', summary: 'auto' }],
  ['think', false],
  ['verbosity', 'low'],
  ['cache_control', { type: 'ephemeral' }],
  ['cache_prompt', true],
  ['prompt_cache_retention', '24h'],
  ['keep_alive', '5m'],
  ['include_reasoning', false],
  ['reasoning_format', 'none'],
  ['web_search_options', {}],
]

/** What dialects call their own hints. */
const OWN_NAMES: Readonly<Record<string, string>> = {
  '/v1/responses reasoning': 'reasoning.effort',
}

describe.each(Object.entries(PLAIN))('%s', (path, plain) => {
  it.each(HINTS)('answers without %s: %j, and says so', async (field, value) => {
    const { post } = await gatewayOver([{}])
    const { status, headers, text } = await post(path, { model: 'm', ...plain, [field]: value })
    expect({ status, text: status === 200 ? '' : text }).toEqual({ status: 200, text: '' })
    const name = OWN_NAMES[`${path} ${field}`] ?? field
    expect(headers.get('x-skein-ignored')?.split(', ')).toEqual([name])
  })

  it('names a hint whose value is of another type', async () => {
    const { post } = await gatewayOver([{}])
    const { status, text } = await post(path, { model: 'm', ...plain, enable_thinking: 'yes' })
    expect(status).toBe(400)
    expect(text).toContain('enable_thinking')
  })
})

describe('a hint by the name of another API', () => {
  const chats = Object.entries(PLAIN).filter(([path]) => path !== '/v1/completions')

  it.each(chats)('reaches an engine that takes it, at %s', async (path, plain) => {
    const { post, sent } = await gatewayOver([], () => events(chunk({ content: 'a' }, 'stop')))
    const { status, headers } = await post(path, {
      ...{ model: 'p/x', ...plain },
      ...{ enable_thinking: false, verbosity: 'low', parallel_tool_calls: false },
    })
    expect(status).toBe(200)
    expect(headers.get('x-skein-ignored')).toBeNull()
    expect(sent()).toMatchObject({ reasoning_effort: 'none', verbosity: 'low' })
  })

  it.each([
    ['/v1/chat/completions', { reasoning_effort: 'high' }],
    ['/v1/responses', { reasoning: { effort: 'high' } }],
    ['/v1/messages', { output_config: { effort: 'high' } }],
    ['/api/chat', { think: 'high' }],
  ])('is left out at %s where the dialect’s own name is given, too', async (path, own) => {
    const { post, sent } = await gatewayOver([], () => events(chunk({ content: 'a' }, 'stop')))
    const { headers } = await post(path, {
      ...{ model: 'p/x', ...PLAIN[path], ...own, enable_thinking: false },
    })
    expect(sent()).toMatchObject({ reasoning_effort: 'high' })
    expect(headers.get('x-skein-ignored')).toBe('enable_thinking')
  })
})

describe('Anthropic’s own', () => {
  const asked = { model: 'm', messages, max_tokens: 99 }

  it.each<[object, string]>([
    [
      { thinking: { type: 'disabled' }, output_config: { effort: 'max' } },
      'output_config.effort, thinking',
    ],
    [
      { output_config: { task_budget: { type: 'tokens', total: 9_000 } } },
      'output_config.task_budget',
    ],
    [
      { context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] } },
      'context_management',
    ],
    [{ speed: 'fast' }, 'speed'],
  ])('%j is left out, and listed', async (more, names) => {
    const { post } = await gatewayOver([{}])
    const { status, headers } = await post('/v1/messages', { ...asked, ...more })
    expect([status, headers.get('x-skein-ignored')]).toEqual([200, names])
  })

  it('format of the answer has its older name, too', async () => {
    const { post, sent } = await gatewayOver([], () => events(chunk({ content: '{}' }, 'stop')))
    const schema = { type: 'object' }
    const format = { type: 'json_schema', schema }
    const more = { model: 'p/x', output_format: format, output_config: { effort: 'low' } }
    expect((await post('/v1/messages', { ...asked, ...more })).status).toBe(200)
    expect(sent()).toMatchObject({
      reasoning_effort: 'low',
      response_format: { json_schema: { schema } },
    })
  })
})

it('a bias of something that is no token id is named', async () => {
  const { post } = await gatewayOver([], () => events(chunk({ content: 'a' }, 'stop')))
  const { status, body } = await post('/v1/chat/completions', {
    ...{ model: 'p/x', messages, logit_bias: { hello: 1 } },
  })
  expect(status).toBe(400)
  expect(body.error.param).toBe('logit_bias.hello')
})

it('marks of the cache within messages and tools of chats are listed', async () => {
  const { post } = await gatewayOver([{}])
  const cached = { cache_control: { type: 'ephemeral' } }
  const { headers, status } = await post('/v1/chat/completions', {
    model: 'm',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi', ...cached }] }],
  })
  expect([status, headers.get('x-skein-ignored')]).toEqual([200, 'cache_control'])
})

it('Ollama’s defaults of options that control an engine have no effect, and no other value', async () => {
  const { post } = await gatewayOver([{}])
  const asked = { model: 'm', messages, stream: false, raw: false }
  const options = {
    num_gpu: -1,
    num_thread: 0,
    num_batch: 512,
    num_keep: 4,
    use_mmap: true,
    num_predict: 0,
    num_ctx: 0,
  }
  expect((await post('/api/chat', { ...asked, options })).status).toBe(200)
  const other = await post('/api/chat', { ...asked, options: { num_thread: 8 } })
  expect([other.status, other.text]).toEqual([400, expect.stringContaining('options.num_thread')])
})
