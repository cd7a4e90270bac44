import OpenAI from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { numbers, prompt, ToolSwarm, weather } from './tool-swarm.ts'

const tools: OpenAI.Responses.FunctionTool[] = [
  {
    type: 'function',
    name: 'weather',
    description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    strict: false,
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
  ['over HTTP', () => ({ baseURL: `${swarm.url}/v1` })],
  ['in-process', () => ({ baseURL: 'http://skein.local/v1', fetch: swarm.gateway.fetch })],
] as const

describe.each(ways)('the responses of the openai package, %s', (_, way) => {
  const sdk = (headers = {}): OpenAI =>
    new OpenAI({ apiKey: 'none', maxRetries: 0, defaultHeaders: headers, ...way() })

  /** Events of a stream, and the error that it throws, if any. */
  async function eventsOf(
    stream: AsyncIterable<OpenAI.Responses.ResponseStreamEvent>,
  ): Promise<{ events: OpenAI.Responses.ResponseStreamEvent[]; error: unknown }> {
    const events: OpenAI.Responses.ResponseStreamEvent[] = []
    try {
      for await (const event of stream) events.push(event)
      return { events, error: undefined }
    } catch (error) {
      return { events, error }
    }
  }

  it('come buffered', async () => {
    const response = await sdk().responses.create({
      model: 'm',
      input: prompt,
      instructions: 'Be brief.',
      store: false,
      metadata: { a: 'b' },
    })
    expect(response.output_text).toContain(numbers)
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'm',
      instructions: 'Be brief.',
      metadata: { a: 'b' },
      error: null,
      incomplete_details: null,
    })
    expect(response.usage?.output_tokens).toBeGreaterThan(1)
    expect(swarm.lastRequest()?.body).toMatchObject({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: prompt },
      ],
    })
  })

  it('come as events in the order of the real API', async () => {
    const stream = await sdk().responses.create({ model: 'm', input: prompt, stream: true })
    const { events, error } = await eventsOf(stream)
    expect(error).toBeUndefined()
    expect(events.map(({ sequence_number: number }) => number)).toEqual(events.map((_e, i) => i))
    const types = events.map(({ type }) => type)
    expect(types.filter((type, i) => type !== types[i - 1])).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    const text = events.map((event) =>
      event.type === 'response.output_text.delta' ? event.delta : '',
    )
    expect(text.join('')).toContain(numbers)
    const last = events.at(-1)
    if (last?.type !== 'response.completed') throw new Error('it did not complete')
    expect(last.response.usage?.input_tokens).toBeGreaterThan(1)
    expect(last.response.output[0]).toMatchObject({
      status: 'completed',
      content: [{ text: text.join('') }],
    })
  })

  it('stream with the helper, thoughts included', async () => {
    const stream = sdk().responses.stream({ model: 'm', input: `Think. ${prompt}` })
    let text = ''
    stream.on('response.output_text.delta', ({ delta }) => {
      text += delta
    })
    const response = await stream.finalResponse()
    expect(response.output_text).toBe(text)
    expect(response.output).toMatchObject([
      { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'Let me think.' }] },
      { type: 'message' },
    ])
  })

  it.each([false, true])('call tools and take their results; streamed: %s', async (streamed) => {
    const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: prompt }]
    const asked = { model: 'm', input, tools, include: ['reasoning.encrypted_content' as const] }
    const ask = async (): Promise<OpenAI.Responses.Response> =>
      streamed
        ? await sdk().responses.stream(asked).finalResponse()
        : await sdk().responses.create(asked)
    const first = await ask()
    const [call] = first.output
    if (call?.type !== 'function_call') throw new Error('it called no tool')
    expect(call.name).toBe('weather')
    expect(JSON.parse(call.arguments)).toEqual(weather)
    const { call_id } = call
    input.push(...(first.output as OpenAI.Responses.ResponseInputItem[]))
    input.push({ type: 'function_call_output', call_id, output: 'rain' })
    expect((await ask()).output_text).toBe('It is "rain".')
    expect(swarm.lastRequest()?.body).toMatchObject({
      messages: [
        { role: 'user' },
        { role: 'assistant', tool_calls: [{ id: call_id, function: { name: 'weather' } }] },
        { role: 'tool', tool_call_id: call_id, content: 'rain' },
      ],
    })
  })

  it('are parsed by a schema', async () => {
    const format = zodTextFormat(z.object({ city: z.string() }), 'place')
    const response = await sdk().responses.parse({ model: 'm', input: prompt, text: { format } })
    expect(response.output_parsed).toEqual(weather)
  })

  it('report that they were truncated', async () => {
    const asked = { model: 'm', input: prompt, max_output_tokens: 5 }
    const whole = await sdk().responses.create(asked)
    const stream = await sdk().responses.create({ ...asked, stream: true })
    const { events } = await eventsOf(stream)
    const last = events.at(-1)
    if (last?.type !== 'response.incomplete') throw new Error('it was not incomplete')
    for (const response of [whole, last.response]) {
      expect(response).toMatchObject({
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
        output: [{ status: 'incomplete' }],
      })
    }
  })

  it.each([
    ['previous_response_id', { previous_response_id: 'resp_1' }, /not stored/],
    ['conversation', { conversation: 'conv_1' }, /not stored/],
    ['background', { background: true }, /in the background/],
    ['num_ctx', { num_ctx: 1 }, /'num_ctx'/],
    ['min_p', { min_p: 0.1 }, /'min_p'/],
    [
      'input.0.content.0.image_url',
      {
        input: [
          {
            role: 'user',
            content: [{ type: 'input_image', image_url: 'https://a.example/b.png' }],
          },
        ],
      },
      /data: URLs/,
    ],
    ['input.0.type', { input: [{ type: 'item_reference', id: 'a' }] }, /not stored here/],
    ['input.0.type', { input: [{ type: 'telegram', id: 'a' }] }, /expected a message/],
  ])('name the rejected field: %s', async (param, more, message) => {
    const request = sdk().responses.create({ model: 'm', input: prompt, ...more } as never)
    await expect(request).rejects.toMatchObject({
      status: 400,
      param,
      message: expect.stringMatching(message),
    })
  })

  it('are not stored', async () => {
    await expect(sdk().responses.retrieve('resp_1')).rejects.toMatchObject({ status: 404 })
    await expect(sdk().responses.delete('resp_1')).rejects.toThrow(/not stored/)
  })

  it.each([false, true])(
    'fail with a status where every peer failed before the first token; streamed: %s',
    async (stream) => {
      const request = sdk().responses.create({
        model: 'm',
        input: swarm.failing('at once'),
        stream,
      })
      await expect(request).rejects.toMatchObject({ status: 502, code: 'engine_failed' })
    },
  )

  it('send response.failed, then throw, if an answer breaks off and cannot be resumed', async () => {
    const off = sdk({ 'x-skein-resume': 'off' })
    const input = swarm.failing('after 5 tokens')
    const stream = await off.responses.create({ model: 'm', input, stream: true })
    const { events, error } = await eventsOf(stream)
    expect(error).toBeInstanceOf(OpenAI.APIError)
    const last = events.at(-1)
    if (last?.type !== 'response.failed') throw new Error('it did not fail')
    expect(last.response).toMatchObject({ status: 'failed', error: { code: 'server_error' } })
    const helper = off.responses.stream({ model: 'm', input: swarm.failing('after 5 tokens') })
    await expect(helper.finalResponse()).rejects.toBeInstanceOf(OpenAI.APIError)
  })

  it('are resumed at another peer if possible', async () => {
    const input = swarm.failing('after 5 tokens, once')
    const response = await sdk().responses.stream({ model: 'm', input }).finalResponse()
    expect(response.output_text).toContain(numbers)
    expect(swarm.hasFailed(input[0].content)).toBe(true)
  })

  it('free the engine when the caller leaves', async () => {
    const before = swarm.abortedCount()
    const stream = await sdk().responses.create({
      model: 'm',
      input: 'Count from 1 to 99999. slowly',
      stream: true,
    })
    for await (const event of stream) if (event.type === 'response.output_text.delta') break
    await swarm.idle()
    // A hedge is stopped, too.
    expect(swarm.abortedCount()).toBeGreaterThan(before)
  })
})
