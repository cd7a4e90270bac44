import Anthropic from '@anthropic-ai/sdk'
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { createApiKey, serveGateway } from '../../../gateway/index.ts'
import { numbers, prompt, ToolSwarm, weather } from './tool-swarm.ts'

const asked = {
  model: 'm',
  max_tokens: 1_000,
  messages: [{ role: 'user' as const, content: prompt }],
}
const tools: Anthropic.Tool[] = [
  {
    name: 'weather',
    description: 'The weather of a city',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
]

let swarm: ToolSwarm

beforeAll(async () => {
  swarm = await ToolSwarm.create()
}, 60_000)
afterAll(async () => {
  await swarm[Symbol.asyncDispose]()
}, 60_000)

const ways = [
  ['over HTTP', () => ({ baseURL: swarm.url })],
  ['in-process', () => ({ baseURL: 'http://skein.local', fetch: swarm.gateway.fetch })],
] as const

describe.each(ways)('@anthropic-ai/sdk, %s', (_, way) => {
  const sdk = (headers = {}): Anthropic =>
    new Anthropic({ apiKey: 'none', maxRetries: 0, defaultHeaders: headers, ...way() })

  it('gets a message', async () => {
    // A hedge would be a second attempt, on a busy machine.
    const { data, response } = await sdk({ 'x-skein-policy': 'single' })
      .messages.create({
        ...asked,
        system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      })
      .withResponse()
    expect(data).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'm',
      stop_reason: 'end_turn',
      content: [{ type: 'text', text: expect.stringContaining(numbers) }],
    })
    expect(data.usage.input_tokens).toBeGreaterThan(1)
    expect(data.usage.output_tokens).toBeGreaterThan(1)
    expect(response.headers.get('request-id')).toMatch(/^req_/)
    expect(response.headers.get('x-skein-attempts')).toBe('1')
    expect(swarm.lastRequest()?.body).toMatchObject({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: prompt },
      ],
    })
  })

  it('streams one, with thinking and usage', async () => {
    const messages = [{ role: 'user' as const, content: `Think. ${prompt}` }]
    const stream = sdk().messages.stream({ ...asked, messages })
    let text = ''
    const types: string[] = []
    stream.on('text', (delta) => {
      text += delta
    })
    stream.on('streamEvent', ({ type }) => types.push(type))
    const message = await stream.finalMessage()
    expect(message.content).toMatchObject([
      { type: 'thinking', thinking: 'Let me think.' },
      { type: 'text', text },
    ])
    expect(text).toContain(numbers)
    const whole = await sdk().messages.create({ ...asked, messages })
    expect(message.content).toEqual(whole.content)
    expect(message.usage.output_tokens).toBe(whole.usage.output_tokens)
    expect(message.usage.input_tokens).toBe(whole.usage.input_tokens)
    expect(types.filter((type, i) => type !== types[i - 1])).toEqual([
      'message_start',
      ...['content_block_start', 'content_block_delta', 'content_block_stop'],
      ...['content_block_start', 'content_block_delta', 'content_block_stop'],
      ...['message_delta', 'message_stop'],
    ])
  })

  it.each([false, true])('runs tools; streamed: %s', async (stream) => {
    const cities: string[] = []
    const tool = betaZodTool({
      name: 'weather',
      description: 'The weather of a city',
      inputSchema: z.object({ city: z.string() }),
      run: ({ city }) => {
        cities.push(city)
        return 'rain'
      },
    })
    const runner = sdk().beta.messages.toolRunner({ ...asked, tools: [tool], stream })
    const message = await runner.runUntilDone()
    expect(cities).toEqual([weather.city])
    expect(message.content).toMatchObject([{ type: 'text', text: 'It is "rain".' }])
  })

  it('ends with stop_reason tool_use for a tool call', async () => {
    const message = await sdk().messages.create({ ...asked, tools, tool_choice: { type: 'any' } })
    expect(message.stop_reason).toBe('tool_use')
    expect(message.content).toMatchObject([{ type: 'tool_use', name: 'weather', input: weather }])
    expect(swarm.lastRequest()?.body).toMatchObject({ tool_choice: 'required' })
  })

  it('ends at a stop sequence', async () => {
    const short = await sdk().messages.create({ ...asked, max_tokens: 5 })
    expect(short).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 5 } })
    const stopped = await sdk().messages.create({ ...asked, stop_sequences: [', 4'] })
    expect(stopped.content).toMatchObject([{ text: '1, 2, 3' }])
  })

  it('lists the models in the form of the API', async () => {
    const { data, has_more, first_id, last_id } = await sdk().models.list()
    const ids = data.map(({ id }) => id)
    expect(ids).toContain('m')
    expect([has_more, first_id, last_id]).toEqual([false, ids.at(0), ids.at(-1)])
    const model = await sdk().models.retrieve('m')
    expect(data).toContainEqual(model)
    const form: Anthropic.ModelInfo = {
      ...{ type: 'model', id: 'm', display_name: 'm', created_at: expect.any(String) },
      ...{ max_input_tokens: expect.any(Number), max_tokens: null, capabilities: null },
      ...{ line: null, lifecycle: 'active', deprecated_at: null, retires_at: null },
    }
    expect(model).toEqual(form)
    expect(Date.parse(model.created_at)).toBeGreaterThan(0)
    await expect(sdk().models.retrieve('other')).rejects.toBeInstanceOf(Anthropic.NotFoundError)
  })

  it('takes the beta headers of an agent, and its cache marks', async () => {
    const betas = [
      'claude-code-20250219',
      'interleaved-thinking-2025-05-14',
      'unheard-of-2031-01-01',
    ]
    const { data, response } = await sdk()
      .beta.messages.create({
        ...{ ...asked, betas, metadata: { user_id: 'someone' } },
        system: [
          { type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h' } },
        ],
      })
      .withResponse()
    expect(data.content).toMatchObject([{ type: 'text', text: expect.stringContaining(numbers) }])
    expect(response.headers.get('x-skein-ignored')).toMatch(/cache_control/)
  })

  it('counts the tokens of a prompt, marked as an estimate', async () => {
    const { data, response } = await sdk()
      .messages.countTokens({ model: 'm', messages: asked.messages, system: 'a'.repeat(400) })
      .withResponse()
    expect(data.input_tokens).toBe(100 + Math.ceil(prompt.length / 4))
    expect(response.headers.get('x-skein-estimated')).toBe('true')
  })

  it.each([
    ['a field that controls an engine', { num_ctx: 1 }, /'num_ctx'/],
    [
      'an image that would have to be fetched',
      {
        messages: [
          {
            role: 'user',
            content: [{ type: 'image', source: { type: 'url', url: 'https://a.example' } }],
          },
        ],
      },
      /messages.0.content.0.source.type: images have to be sent as base64/,
    ],
    [
      'a final assistant message',
      { messages: [...asked.messages, { role: 'assistant', content: '1' }] },
      /'messages'/,
    ],
    ['a field that no peer supports', { min_p: 0.1 }, /'min_p'/],
    ['a missing max_tokens', { max_tokens: undefined }, /max_tokens/],
  ])('gets an error that names %s', async (_name, more, message) => {
    const request = sdk().messages.create({ ...asked, ...more } as never)
    await expect(request).rejects.toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      error: { type: 'error', error: { message: expect.stringMatching(message) } },
    })
  })

  it('gets 404 for a model that no peer serves, and for an unknown path', async () => {
    const request = sdk().messages.create({ ...asked, model: 'unknown' })
    await expect(request).rejects.toMatchObject({ status: 404, type: 'not_found_error' })
    await expect(sdk().messages.batches.list()).rejects.toMatchObject({
      status: 404,
      error: { type: 'error' },
    })
  })

  it.each([false, true])(
    'fails with an HTTP status if every peer failed before the first token; streamed: %s',
    async (stream) => {
      const request = sdk().messages.create({
        ...asked,
        messages: swarm.failing('at once'),
        stream,
      })
      await expect(request).rejects.toMatchObject({ status: 502, type: 'api_error' })
    },
  )

  it('throws if an answer breaks off and cannot be resumed', async () => {
    const off = sdk({ 'x-skein-resume': 'off' })
    const stream = off.messages.stream({ ...asked, messages: swarm.failing('after 5 tokens') })
    let text = ''
    stream.on('text', (delta) => {
      text += delta
    })
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIError)
    expect(text).toBe('1, 2, 3')
  })

  it('throws if the model calls a tool with arguments that are not an object', async () => {
    const messages = [{ role: 'user' as const, content: 'Do it badly.' }]
    const whole = sdk().messages.create({ ...asked, messages, tools })
    await expect(whole).rejects.toMatchObject({ status: 502 })
    const stream = sdk().messages.stream({ ...asked, messages, tools })
    await expect(stream.finalMessage()).rejects.toThrow(/not a JSON object/)
  })

  it('is resumed at another peer if possible', async () => {
    const messages = swarm.failing('after 5 tokens, once')
    const message = await sdk()
      .messages.stream({ ...asked, messages })
      .finalMessage()
    expect(message.content).toMatchObject([{ text: expect.stringContaining(numbers) }])
    expect(swarm.hasFailed(messages[0].content)).toBe(true)
  })

  it('frees the engine when the caller aborts', async () => {
    const before = swarm.abortedCount()
    const messages = [{ role: 'user' as const, content: 'Count from 1 to 99999. slowly' }]
    const stream = sdk().messages.stream({ ...asked, max_tokens: 100_000, messages })
    stream.on('text', () => stream.abort())
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIUserAbortError)
    await swarm.idle()
    // A hedge is stopped, too.
    expect(swarm.abortedCount()).toBeGreaterThan(before)
  })
})

it('accepts keys in x-api-key, and rejects others in Anthropic’s format', async () => {
  const { key, kept } = createApiKey('me')
  await using server = await serveGateway(await swarm.client(), { port: 0, apiKeys: [kept] })
  const sdk = (apiKey: string): Anthropic =>
    new Anthropic({ apiKey, maxRetries: 0, baseURL: server.url })
  expect((await sdk(key).messages.create(asked)).stop_reason).toBe('end_turn')
  await expect(sdk('other').messages.create(asked)).rejects.toMatchObject({
    status: 401,
    type: 'authentication_error',
  })
})
