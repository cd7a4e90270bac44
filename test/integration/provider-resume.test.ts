import { afterEach, describe, expect, it } from 'vitest'
import { createOpenAiBackend } from '../../backend/index.ts'
import type { ProviderInit, RequestOptions } from '../../client/index.ts'
import type { ChatRequest, InferenceError } from '../../protocol/index.ts'
import {
  continues,
  endsEarly,
  type ProviderBehaviour,
  type ProviderServer,
  refusesWith,
  sends,
  speaks,
  startProvider,
} from '../../testing/engines/provider-server.ts'
import { accepted, chatDelta, modelNamed, resetsAfter } from '../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../testing/swarms/fake-swarm.ts'
import { systemClock } from '../../timing/index.ts'

const TOKENS = ['Once', ' upon', ' a', ' time', ' there', ' was', ' a', ' fox.']
const STORY = TOKENS.join('')
const QUESTION = { role: 'user', content: 'Tell me a story.' }

let open: AsyncDisposable[] = []

afterEach(async () => {
  for (const part of open.toReversed()) await part[Symbol.asyncDispose]()
  open = []
})

async function cloud(
  init: Partial<ProviderInit>,
  ...behaviours: readonly ProviderBehaviour[]
): Promise<{ readonly server: ProviderServer; readonly swarm: FakeSwarm }> {
  const server = await startProvider(...behaviours)
  open.push(server)
  const swarm = await FakeSwarm.create({
    timeoutMs: 20_000,
    connectTimeoutMs: 50,
    lookupTimeoutMs: 200,
    connectedPeers: 0,
    // Providers are asked over real sockets.
    clock: systemClock,
    providers: [{ name: 'cloud', baseUrl: server.baseUrl, ...init }],
  })
  open.push({ [Symbol.asyncDispose]: () => swarm.close() })
  return { server, swarm }
}

async function read(swarm: FakeSwarm, more: object = {}, options: RequestOptions = {}) {
  const body = { model: 'cloud/m', messages: [QUESTION], ...more }
  const answer = swarm.requester.streamChat(body, options)
  let text = ''
  const calls: unknown[] = []
  let error: InferenceError | undefined
  try {
    for await (const { choices } of answer) {
      text += choices[0]?.delta.content ?? ''
      calls.push(...(choices[0]?.delta.tool_calls ?? []))
    }
  } catch (thrown) {
    error = thrown as InferenceError
  }
  return { text, calls, error, event: answer.event, attempts: answer.attempts }
}

const lastMessage = ({ requests }: ProviderServer, at: number) =>
  (requests[at]?.body.messages as readonly object[] | undefined)?.at(-1)

describe('an answer of a provider that breaks off', () => {
  it.each([
    ['final-message', undefined],
    ['prefix', 'prefix'],
    ['partial', 'partial'],
  ] as const)('goes on at the same provider by %s', async (by, mark) => {
    const marked = mark === undefined ? {} : { mark }
    const behaviour = continues({ tokens: TOKENS, cuts: [3, 2], ...marked })
    const { server, swarm } = await cloud({ continues: by }, behaviour)
    const { text, error, event, attempts } = await read(swarm, { max_tokens: 100 })
    expect({ text, error }).toEqual({ text: STORY, error: undefined })
    expect(lastMessage(server, 1)).toEqual({
      role: 'assistant',
      content: 'Once upon a',
      ...(mark !== undefined && { [mark]: true }),
    })
    expect(server.requests.map(({ body }) => body['max_tokens'])).toEqual([100, 97, 95])
    expect(event).toMatchObject({
      outcome: 'answered',
      resumes: 2,
      exact: false,
      usage: { promptTokens: 7, completionTokens: 8 },
    })
    expect(attempts).toMatchObject([
      { reason: 'first', outcome: 'truncated', deliveredTokens: 3 },
      { reason: 'resume', seam: 'message', exact: false, outcome: 'truncated', deliveredTokens: 2 },
      { reason: 'resume', seam: 'message', exact: false, outcome: 'answered', deliveredTokens: 3 },
    ])
  })

  it('goes on wherever it broke off, also if the provider sends the beginning again', async () => {
    for (let cut = 1; cut < TOKENS.length; cut += 1) {
      const behaviour = continues({
        ...{ tokens: TOKENS, cuts: [cut], mark: 'prefix', repeats: true },
      })
      const { server } = await cloud({}, behaviour)
      // As Mistral: its beginning comes again, however short.
      const fetch: typeof globalThis.fetch = (url, init) =>
        globalThis.fetch(String(url).replace('https://api.mistral.ai', server.baseUrl), init)
      const { swarm } = await cloud(
        { baseUrl: 'https://api.mistral.ai/v1', fetch },
        speaks('never'),
      )
      expect(await read(swarm)).toMatchObject({ text: STORY, error: undefined })
    }
  })

  it('goes on from within white space, which is neither sent nor doubled', async () => {
    const tokens = ['def f():', '\n', '    ', 'return', ' 1']
    for (let cut = 1; cut < tokens.length; cut += 1) {
      const behaviour = continues({ tokens, cuts: [cut], isStrict: true })
      const { swarm } = await cloud({ continues: 'final-message' }, behaviour)
      expect(await read(swarm)).toMatchObject({ text: tokens.join(''), error: undefined })
    }
  })

  it('goes on with tools offered, and as a whole answer', async () => {
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
    const behaviour = continues({ tokens: TOKENS, cuts: [4] })
    const { server, swarm } = await cloud({ continues: 'final-message' }, behaviour)
    const whole = await swarm.requester.chat({ model: 'cloud/m', messages: [QUESTION], tools })
    expect(whole.choices[0]?.message.content).toBe(STORY)
    expect(server.requests[1]?.body).toMatchObject({ tools })
  })

  it.each([
    ['ignores the beginning and repeats itself', speaks(...TOKENS)],
    [
      'sends a beginning that it always sends',
      continues({ tokens: TOKENS, cuts: [], repeats: true }),
    ],
  ])('is not doubled if the provider %s', async (_, second) => {
    const { swarm } = await cloud(
      { continues: 'final-message' },
      endsEarly(...TOKENS.slice(0, 6)),
      second,
    )
    expect(await read(swarm)).toMatchObject({ text: STORY, error: undefined })
  })

  it.each([
    [
      'begins another answer',
      speaks('Once upon a time there lived a bear.'),
      /began the answer anew/,
    ],
    [
      'refuses',
      refusesWith(400, 'This model does not support prefill'),
      /does not support prefill/,
    ],
    ['is busy', refusesWith(429), /could not be continued/],
  ])('fails as truncated if the provider %s', async (_, second, message) => {
    const { server, swarm } = await cloud(
      { continues: 'prefix' },
      endsEarly(...TOKENS.slice(0, 6)),
      second,
    )
    const { text, error, attempts } = await read(swarm)
    expect(text).toBe('Once upon a time there was')
    expect(error).toMatchObject({ code: 'truncated', message: expect.stringMatching(message) })
    expect(attempts).toHaveLength(2)
    expect(server.requests).toHaveLength(2)
  })

  it.each([
    ['is not known to continue answers', {}, {}, {}],
    ['is said not to', { continues: 'none' }, {}, {}],
    ['may not be asked to', { continues: 'prefix' }, {}, { resume: 'off' }],
    ['has no token ids', { continues: 'prefix' }, {}, { resume: 'exact' }],
    ['answers in JSON', { continues: 'prefix' }, { response_format: { type: 'json_object' } }, {}],
  ] as const)('is not asked again of a provider that %s', async (_, init, body, options) => {
    const { server, swarm } = await cloud(init, endsEarly('{', '"a"'), speaks('never'))
    const { text, error } = await read(swarm, body, options)
    expect({ text, code: error?.code }).toEqual({ text: '{"a"', code: 'truncated' })
    expect(server.requests).toHaveLength(1)
  })

  it('begins again if it broke off within a tool call, of which nothing was shown', async () => {
    const call = (args: string, more: object = {}) => ({
      tool_calls: [{ index: 0, function: { arguments: args }, ...more }],
    })
    const begins = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a"' } }
    const { server, swarm } = await cloud(
      {},
      sends([{ tool_calls: [{ index: 0, ...begins }] }]),
      sends([{ tool_calls: [{ index: 0, ...begins }] }, call(':1}')], 'tool_calls'),
    )
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
    const { calls, error, event } = await read(swarm, { tools })
    expect(error).toBeUndefined()
    expect(calls).toMatchObject([{ function: { name: 'f', arguments: '{"a":1}' } }])
    expect(event).toMatchObject({
      resumes: 1,
      exact: true,
      attempts: [{ outcome: 'truncated' }, { seam: 'start', outcome: 'answered' }],
    })
    expect(server.requests).toHaveLength(2)
  })

  it('is given up after two continuations', async () => {
    const behaviour = continues({ tokens: TOKENS, cuts: [1, 1, 1, 1] })
    const { server, swarm } = await cloud({ continues: 'final-message' }, behaviour)
    const { text, error } = await read(swarm)
    expect({ text, code: error?.code }).toEqual({ text: 'Once upon a', code: 'truncated' })
    expect(server.requests).toHaveLength(3)
  })
})

describe('a final assistant message of the caller', () => {
  const begun = { messages: [QUESTION, { role: 'assistant', content: 'Once upon ' }] }

  it('is continued by a provider that is known to, and the rest continued again', async () => {
    const behaviour = continues({ tokens: TOKENS, cuts: [2], mark: 'prefix' })
    const { server, swarm } = await cloud({ continues: 'prefix' }, behaviour)
    expect(await read(swarm, begun)).toMatchObject({ text: 'a time there was a fox.' })
    expect(lastMessage(server, 1)).toMatchObject({ content: 'Once upon a time', prefix: true })
  })

  it('is refused by its name elsewhere', async () => {
    const { swarm } = await cloud({}, speaks('never'))
    expect((await read(swarm, begun)).error).toMatchObject({
      code: 'capability_unavailable',
      details: { param: 'messages.answer_prefix' },
    })
  })
})

it('a node that shares a cloud continues its answers, too', async () => {
  const server = await startProvider(continues({ tokens: TOKENS, cuts: [], mark: 'prefix' }))
  open.push(server)
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = String(input)
    if (!url.startsWith('https://api.mistral.ai/v1/')) return new Response('', { status: 404 })
    if (url.endsWith('/models')) return Response.json({ data: [{ id: 'mistral-small' }] })
    return await globalThis.fetch(url.replace('https://api.mistral.ai', server.baseUrl), init)
  }
  const backend = createOpenAiBackend({ baseUrl: 'https://api.mistral.ai/v1', fetch })
  open.push(backend)
  const [model] = await backend.models()
  expect(model).toMatchObject({ resume: 'prefill' })
  expect(model?.fields).toContain('messages.answer_prefix')
  expect(model?.fields).toContain('resume.tools.text')
  const body = { model: 'mistral-small', messages: [QUESTION] }
  const text = 'Once upon a'
  const resume = { text, tokenIds: [], deliveredBytes: text.length, tokens: 3 }
  const rest = backend.infer({ kind: 'chat', body: body as ChatRequest }, { resume })
  const words: unknown[] = []
  for await (const event of rest) {
    if (event.type === 'chunk' && 'choices' in event.json) {
      const [choice] = event.json.choices
      if (choice !== undefined && 'delta' in choice) words.push(choice.delta.content)
    }
  }
  expect(words.filter(Boolean).join('')).toBe(' time there was a fox.')
})

it('a provider continues the answer of a model of the network, if models may change in mid-answer', async () => {
  const behaviour = continues({ tokens: TOKENS, cuts: [], mark: 'partial' })
  const { server, swarm } = await cloud({ continues: 'partial' }, behaviour)
  await swarm.add(
    resetsAfter(accepted, chatDelta(0, { content: 'Once' }), chatDelta(1, { content: ' upon' })),
    { models: [modelNamed('small')] },
  )
  const { text, event, attempts } = await read(
    swarm,
    { model: 'small,cloud/m' },
    { switchModels: 'mid-answer' },
  )
  expect(text).toBe(STORY)
  expect(lastMessage(server, 0)).toMatchObject({ content: 'Once upon', partial: true })
  expect(event).toMatchObject({ answeredBy: 'cloud/m', exact: false, resumes: 1 })
  expect(attempts.at(-1)).toMatchObject({ reason: 'resume', seam: 'message', outcome: 'answered' })
})
