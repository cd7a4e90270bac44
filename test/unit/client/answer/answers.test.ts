import { afterEach, describe, expect, it } from 'vitest'
import {
  accepted,
  answers,
  type Behaviour,
  chatDelta,
  chunk,
  DONE,
  modelNamed,
  readRequest,
  says,
} from '../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../testing/swarms/fake-swarm.ts'

const messages = [{ role: 'user', content: 'hi' }]
const request = { model: 'M:latest', messages }

let swarm: FakeSwarm

afterEach(async () => {
  await swarm.close()
})

async function collect<T>(answer: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of answer) all.push(one)
  return all
}

describe('a streamed chat', () => {
  it('has one id, one model as the caller named it, and the role once', async () => {
    swarm = await FakeSwarm.create({ now: () => 1_700_000_000_500 })
    const peer = await swarm.add(answers('a', 'b'))
    const chunks = await collect(swarm.requester.streamChat(request))
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks[0]?.id).toMatch(/^chatcmpl-/)
    expect(chunks.map(({ model }) => model)).toEqual(chunks.map(() => 'M:latest'))
    expect(chunks.every(({ created }) => created === 1_700_000_000)).toBe(true)
    const deltas = chunks.map(({ choices }) => choices[0]?.delta)
    expect(deltas).toEqual([{ role: 'assistant', content: 'a' }, { content: 'b' }, {}])
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
    expect(chunks.every(({ skein }) => skein.peerId === peer.key)).toBe(true)
  })

  it('has its usage after the end, and ends with it if the caller asked for it', async () => {
    swarm = await FakeSwarm.create()
    await swarm.add(answers('a'))
    const plain = swarm.requester.streamChat(request)
    expect(plain.usage).toBeUndefined()
    await collect(plain)
    expect(plain.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 })
    const wanted = { ...request, stream_options: { include_usage: true } }
    const last = (await collect(swarm.requester.streamChat(wanted))).at(-1)
    expect(last).toMatchObject({ choices: [], usage: { total_tokens: 8 } })
  })

  it('may be empty: a finish reason is an answer', async () => {
    swarm = await FakeSwarm.create()
    await swarm.add(answers())
    const chunks = await collect(swarm.requester.streamChat(request))
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason)).toEqual(['stop'])
  })

  it('can be read only once', async () => {
    swarm = await FakeSwarm.create()
    await swarm.add(answers('a'))
    const answer = swarm.requester.streamChat(request)
    await collect(answer)
    await expect(collect(answer)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('passes on reasoning and tool calls as visible chunks', async () => {
    swarm = await FakeSwarm.create()
    const call = { index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '{' } }
    await swarm.add(
      says(
        accepted,
        chatDelta(0, { reasoning_content: 'hm' }),
        chatDelta(1, { tool_calls: [call] }),
        chatDelta(2, { tool_calls: [{ index: 0, function: { arguments: '}' } }] }),
        chatDelta(3, {}, 'tool_calls'),
        DONE,
      ),
      { models: [{ ...modelNamed('m'), capabilities: ['chat', 'tools'] }] },
    )
    const tools = [{ type: 'function', function: { name: 'f' } }]
    const whole = { ...call, function: { name: 'f', arguments: '{}' } }
    for (const [toolCalls, shown] of [
      ['whole', whole],
      ['stream', call],
    ] as const) {
      const chunks = await collect(swarm.requester.streamChat({ ...request, tools }, { toolCalls }))
      expect(chunks[0]?.choices[0]?.delta.reasoning_content).toBe('hm')
      expect(chunks[1]?.choices[0]?.delta.tool_calls).toEqual([shown])
    }
    const { choices } = await swarm.requester.chat({ ...request, tools })
    expect(choices[0]).toMatchObject({
      message: {
        content: null,
        reasoning_content: 'hm',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      finish_reason: 'tool_calls',
    })
  })
})

describe('a whole answer', () => {
  it('assembles the choices of a chat in order', async () => {
    swarm = await FakeSwarm.create()
    const choice = (index: number, content: string, finish_reason: string | null = null) => ({
      index,
      delta: { content },
      finish_reason,
    })
    await swarm.add(
      says(
        accepted,
        chunk(0, { choices: [choice(1, 'B'), choice(0, 'A')] }),
        chunk(1, { choices: [choice(0, 'a', 'length')] }),
        chunk(2, { choices: [choice(1, 'b', 'stop')] }),
        DONE,
      ),
      { models: [{ ...modelNamed('m'), fields: ['n'] }] },
    )
    const { choices, usage } = await swarm.requester.chat({ ...request, n: 2 })
    expect(choices.map(({ message, finish_reason }) => [message.content, finish_reason])).toEqual([
      ['Aa', 'length'],
      ['Bb', 'stop'],
    ])
    expect(usage.total_tokens).toBe(8)
  })

  it('assembles a completion and its logprobs', async () => {
    swarm = await FakeSwarm.create()
    const piece = (text: string, finish_reason: string | null) => ({
      choices: [
        {
          index: 0,
          text,
          finish_reason,
          logprobs: { tokens: [text], token_logprobs: [-1], top_logprobs: null, text_offset: [0] },
        },
      ],
    })
    await swarm.add(
      says(accepted, chunk(0, piece('x', null)), chunk(1, piece('y', 'stop')), DONE),
      {
        models: [{ ...modelNamed('m'), capabilities: ['completion', 'logprobs'] }],
      },
    )
    const completion = await swarm.requester.complete({ model: 'm', prompt: 'p', logprobs: 0 })
    expect(completion).toMatchObject({
      object: 'text_completion',
      choices: [{ text: 'xy', finish_reason: 'stop', logprobs: { tokens: ['x', 'y'] } }],
    })
  })
})

const item = (seq: number, index: number, embedding: unknown = [1, 2]) =>
  chunk(seq, { object: 'embedding', index, embedding })

const bad: readonly [name: string, outcome: string, behaviour: Behaviour][] = [
  ['leaves one out', 'truncated', says(accepted, item(0, 0), DONE)],
  ['sends one twice', 'malformed', says(accepted, item(0, 0), item(1, 0), DONE)],
  ['sends one that was not requested', 'malformed', says(accepted, item(0, 2), DONE)],
  ['sends different sizes', 'malformed', says(accepted, item(0, 0), item(1, 1, [1]), DONE)],
  ['sends one that is not numeric', 'malformed', says(accepted, item(0, 0, [1, 'x']), DONE)],
  ['sends an empty one', 'malformed', says(accepted, item(0, 0, []), DONE)],
]

describe('embeddings', () => {
  const embedding = { model: 'm', input: ['a', 'b'] }

  it('arrive in the order of the inputs', async () => {
    swarm = await FakeSwarm.create()
    await swarm.add(says(accepted, item(0, 1, [3, 4]), item(1, 0, [1, 2]), DONE))
    const { data, usage } = await swarm.requester.embed(embedding)
    expect(data.map((one) => one.embedding)).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(usage).toEqual({ prompt_tokens: 5, total_tokens: 5 })
  })

  it.each(bad)('come from another peer when the first %s', async (_, outcome, behaviour) => {
    swarm = await FakeSwarm.create()
    await swarm.add(behaviour)
    const good = await swarm.add(says(accepted, item(0, 0), item(1, 1), DONE))
    const answer = await swarm.requester.embed(embedding)
    expect(answer.skein.peerId).toBe(good.key)
    expect(answer.skein.attempts[0]?.outcome).toBe(outcome)
  })

  it('must have the requested length', async () => {
    swarm = await FakeSwarm.create()

    const models = [modelNamed('m', { fields: ['dimensions'] })]
    await swarm.add(says(accepted, item(0, 0, [1, 2, 3]), item(1, 1, [1, 2, 3]), DONE), { models })
    await expect(swarm.requester.embed({ ...embedding, dimensions: 2 })).rejects.toMatchObject({
      code: 'malformed',
    })
  })
})

describe('the request on the wire', () => {
  it('is the validated request under a fresh attempt id, without what the client keeps', async () => {
    swarm = await FakeSwarm.create({ maxAttempts: 2 })
    const seen: Awaited<ReturnType<typeof readRequest>>[] = []
    const look: Behaviour = async (stream) => {
      seen.push(await readRequest(stream))
      stream.abort(new Error('enough'))
    }
    await swarm.add(look)
    await swarm.add(look)
    const body = { ...request, user: 'me', stream: true, stream_options: { include_usage: true } }
    await collect(swarm.requester.streamChat(body)).catch(() => {})
    const [first, second] = seen
    expect(first?.body).toEqual({ model: 'M:latest', messages })
    expect(first?.head).toMatchObject({ kind: 'chat', model: 'M:latest' })
    expect(first?.head.remainingMs).toBeGreaterThan(100_000)
    expect(first?.head.attemptId).not.toEqual(second?.head.attemptId)
  })

  it('never includes a request that is not valid', async () => {
    swarm = await FakeSwarm.create()
    const peer = await swarm.add(answers('a'))
    await expect(
      swarm.requester.chat({ ...request, chat_template: '{{ evil }}' }),
    ).rejects.toMatchObject({ code: 'invalid_request', details: { param: 'chat_template' } })
    expect(peer.streams).toHaveLength(0)
  })

  it.each([
    ['null', null],
    ['text', 'hello'],
    [
      'what JSON cannot say',
      { ...request, tools: [{ type: 'function', function: { name: 'f', parameters: { n: 1n } } }] },
    ],
  ])('is never %s, which plain JavaScript can pass', async (_, body) => {
    swarm = await FakeSwarm.create()
    const models = [modelNamed('m', { capabilities: ['chat', 'tools'] })]
    const peer = await swarm.add(answers('a'), { models })
    await expect(swarm.requester.chat(body as object)).rejects.toMatchObject({
      name: 'InferenceError',
      code: 'invalid_request',
    })
    expect(peer.streams).toHaveLength(0)
  })

  it('reassembles a request of many frames', async () => {
    swarm = await FakeSwarm.create()
    const content = 'x'.repeat(1_500_000)
    let received = 0
    await swarm.add(async (stream) => {
      const { body } = await readRequest(stream)
      received = JSON.stringify(body).length
      stream.abort(new Error('enough'))
    })
    const big = { model: 'm', messages: [{ role: 'user', content }] }
    await swarm.requester.chat(big, { maxAttempts: 1 }).catch(() => {})
    expect(received).toBe(JSON.stringify(big).length)
  })
})
