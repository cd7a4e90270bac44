import { Ollama, type ToolCall } from 'ollama'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { numbers, prompt, ToolSwarm, weather } from './tool-swarm.ts'

const messages = [{ role: 'user', content: prompt }]
const tools = [
  {
    type: 'function',
    function: {
      name: 'weather',
      description: 'The weather of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
]
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

let swarm: ToolSwarm
let ollama: Ollama

beforeAll(async () => {
  swarm = await ToolSwarm.create()
  ollama = new Ollama({ host: swarm.url })
}, 60_000)
afterAll(async () => {
  await swarm[Symbol.asyncDispose]()
}, 60_000)

describe('the ollama package', () => {
  it('chats without streaming, with usage', async () => {
    const answer = await ollama.chat({ model: 'm', messages })
    expect(answer.message).toEqual({ role: 'assistant', content: expect.stringContaining(numbers) })
    expect(answer).toMatchObject({ done: true, done_reason: 'stop', load_duration: 0 })
    expect(answer.eval_count).toBeGreaterThan(1)
    expect(answer.prompt_eval_count).toBeGreaterThan(1)
    expect(answer.total_duration).toBeGreaterThan(1e5)
    expect(answer.prompt_eval_duration + answer.eval_duration).toBe(answer.total_duration)
  })

  it('streams a chat whose parts add up to the answer', async () => {
    const parts: string[] = []
    let reason = ''
    for await (const part of await ollama.chat({ model: 'm', messages, stream: true })) {
      parts.push(part.message.content)
      if (part.done) reason = part.done_reason
    }
    expect(parts.length).toBeGreaterThan(3)
    expect(parts.join('')).toContain(numbers)
    expect(reason).toBe('stop')
  })

  it.each([false, true])('calls tools and hands their results in; streamed: %s', async (stream) => {
    const asked = { model: 'm', messages, tools }
    let calls: readonly ToolCall[] = []
    if (stream) {
      for await (const { message } of await ollama.chat({ ...asked, stream: true })) {
        calls = [...calls, ...(message.tool_calls ?? [])]
      }
    } else {
      calls = (await ollama.chat(asked)).message.tool_calls ?? []
    }
    expect(calls).toMatchObject([{ function: { name: 'weather', arguments: weather } }])
    const said = { role: 'assistant', content: '', tool_calls: [...calls] }
    const told = { role: 'tool', content: 'rain', tool_name: 'weather' }
    const answer = await ollama.chat({ ...asked, messages: [...messages, said, told] })
    expect(answer.message.content).toBe('It is "rain".')
  })

  it('generates from a prompt, through the template or raw', async () => {
    const answer = await ollama.generate({ model: 'm', prompt, system: 'Be brief.' })
    expect(answer.response).toContain(numbers)
    expect(swarm.lastRequest()).toMatchObject({
      kind: 'chat',
      body: {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: prompt },
        ],
      },
    })
    let raw = ''
    for await (const part of await ollama.generate({
      model: 'm',
      prompt,
      raw: true,
      stream: true,
    })) {
      raw += part.response ?? ''
    }
    expect(raw).toContain(numbers)
    expect(swarm.lastRequest()).toMatchObject({ kind: 'completion', body: { prompt } })
  })

  it('ends at a stop string', async () => {
    const short = await ollama.chat({ model: 'm', messages, options: { num_predict: 5 } })
    expect(short).toMatchObject({ done_reason: 'length', eval_count: 5 })
    const stopped = await ollama.chat({ model: 'm', messages, options: { stop: [', 4'] } })
    expect(stopped.message.content).toBe('1, 2, 3')
  })

  it('gets JSON that matches a schema', async () => {
    const format = { type: 'object', properties: { city: { type: 'string' } } }
    const answer = await ollama.chat({ model: 'm', messages, format })
    expect(JSON.parse(answer.message.content)).toEqual(weather)
  })

  it('sends images to vision models', async () => {
    const seeing = [{ role: 'user', content: prompt, images: [pixel] }]
    await ollama.chat({ model: 'm', messages: seeing })
    expect(JSON.stringify(swarm.lastRequest()?.body)).toContain(`data:image/png;base64,${pixel}`)
  })

  it('embeds one text and several', async () => {
    const one = await ollama.embed({ model: 'm', input: 'a' })
    const both = await ollama.embed({ model: 'm', input: ['a', 'b'] })
    expect(both.embeddings).toHaveLength(2)
    expect(both.embeddings[0]).toEqual(one.embeddings[0])
    const old = await ollama.embeddings({ model: 'm', prompt: 'a' })
    expect(old.embedding).toEqual(one.embeddings[0])
  })

  it('lists and shows what the swarm serves', async () => {
    const { models } = await ollama.list()
    expect(models.map(({ name }) => name)).toContain('m')
    const about = await ollama.show({ model: 'm:latest' })
    expect(about.capabilities).toEqual(expect.arrayContaining(['completion', 'tools']))
    expect(about.model_info).toMatchObject({ 'skein.context_length': 8192 })
    expect((await ollama.version()).version).toMatch(/^\d+\.\d+\.\d+$/)
    expect((await ollama.ps()).models).toEqual([])
    await expect(ollama.show({ model: 'unknown' })).rejects.toThrow(/no peer serves/)
  })

  it('answers an empty request at once', async () => {
    const loaded = await ollama.generate({ model: 'm', prompt: '' })
    expect(loaded).toMatchObject({ done: true, done_reason: 'load', response: '' })
  })

  it('accepts num_ctx up to the served context, and rejects more', async () => {
    await ollama.chat({ model: 'm', messages, options: { num_ctx: 4_096 } })
    await expect(
      ollama.chat({ model: 'm', messages, options: { num_ctx: 9_000 } }),
    ).rejects.toThrow(/options.num_ctx.*8192/)
  })

  it.each([
    ['an option that controls an engine', { options: { num_gpu: 1 } }, /options.num_gpu/],
    ['an unknown field', { template: '{{ .Prompt }}' }, /'template'/],
    ['an option that no engine supports', { options: { min_p: 0.1 } }, /options.min_p/],
  ])('names %s', async (_, more, message) => {
    await expect(ollama.chat({ model: 'm', messages, ...more })).rejects.toMatchObject({
      status_code: 400,
      message: expect.stringMatching(message),
    })
  })

  it('answers 501 for the management of models', async () => {
    await expect(ollama.pull({ model: 'm' })).rejects.toMatchObject({ status_code: 501 })
    const copied = ollama.copy({ source: 'm', destination: 'n' })
    await expect(copied).rejects.toThrow(/models belong to the peers/)
    const created = ollama.create({ model: 'n', from: 'm' })
    await expect(created).rejects.toThrow(/models belong to the peers/)
  })

  it('fails with an HTTP status if every peer failed before the first token', async () => {
    for (const stream of [false, true]) {
      const request = ollama.chat({
        model: 'm',
        messages: swarm.failing('at once'),
        stream,
      } as never)
      await expect(request).rejects.toMatchObject({ status_code: 502 })
    }
  })

  it('throws if an answer breaks off and cannot be resumed', async () => {
    const once = new Ollama({ host: swarm.url, headers: { 'x-skein-resume': 'off' } })
    const stream = await once.chat({
      model: 'm',
      messages: swarm.failing('after 5 tokens'),
      stream: true,
    })
    let text = ''
    const read = async (): Promise<void> => {
      for await (const part of stream) text += part.message.content
    }
    await expect(read()).rejects.toThrow()
    expect(text).toBe('1, 2, 3')
  })

  it('is resumed at another peer if possible', async () => {
    let text = ''
    const stream = await ollama.chat({
      model: 'm',
      messages: swarm.failing('after 5 tokens, once'),
      stream: true,
    })
    for await (const part of stream) text += part.message.content
    expect(text).toContain(numbers)
  })

  it('frees the engine when the caller aborts', async () => {
    const before = swarm.abortedCount()
    const stream = await ollama.chat({
      model: 'm',
      messages: [{ role: 'user', content: 'Count from 1 to 99999. slowly' }],
      stream: true,
    })
    const read = async (): Promise<void> => {
      for await (const _ of stream) stream.abort()
    }
    await expect(read()).rejects.toThrow(/abort/i)
    await swarm.idle()
    // A hedge is stopped, too.
    expect(swarm.abortedCount()).toBeGreaterThan(before)
  })

  it('detects Ollama by GET /', async () => {
    const head = await fetch(swarm.url, { method: 'HEAD' })
    expect(head.status).toBe(200)
    expect(await (await fetch(swarm.url)).text()).toBe('Ollama is running')
    const missing = await fetch(`${swarm.url}/api/nothing`)
    expect(await missing.json()).toEqual({ error: 'no such endpoint: GET /api/nothing' })
  })
})
