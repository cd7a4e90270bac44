import { afterEach, describe, expect, it } from 'vitest'
import type { ProviderInit, RequestEvent, RequestOptions } from '../../client/index.ts'
import type { InferenceError } from '../../protocol/index.ts'
import {
  breaksAfterItsEnd,
  endsEarly,
  hangsAfterSaying,
  type ProviderBehaviour,
  type ProviderServer,
  refusesWith,
  speaks,
  startProvider,
} from '../../testing/engines/provider-server.ts'
import {
  accepted,
  answers,
  chatDelta,
  hangsAfter,
  modelNamed,
  readRequest,
  refuses,
  resetsAfter,
} from '../../testing/swarms/client-peers.ts'
import { FakeSwarm, type FakeSwarmInit } from '../../testing/swarms/fake-swarm.ts'
import { ScriptedSwarm } from '../../testing/swarms/scripted-swarm.ts'
import { systemClock } from '../../timing/index.ts'

const messages = [{ role: 'user', content: 'Count from 1 to 5.' }]
const asking = (model: string, more: object = {}) => ({ model, messages, ...more })
const SECRET = 'sk-test-0123456789abcdef'
const QUICK: FakeSwarmInit = {
  timeoutMs: 20_000,
  connectTimeoutMs: 50,
  lookupTimeoutMs: 200,
  connectedPeers: 0,
  // Providers are asked over real sockets.
  clock: systemClock,
}

let open: AsyncDisposable[] = []

afterEach(async () => {
  for (const part of open.toReversed()) await part[Symbol.asyncDispose]()
  open = []
})

async function provider(...behaviours: readonly ProviderBehaviour[]): Promise<ProviderServer> {
  const server = await startProvider(...behaviours)
  open.push(server)
  return server
}

async function network(init: FakeSwarmInit = {}): Promise<FakeSwarm> {
  const swarm = await FakeSwarm.create({ ...QUICK, ...init })
  open.push({ [Symbol.asyncDispose]: () => swarm.close() })
  return swarm
}

const cloud = ({ baseUrl }: ProviderServer, more: Partial<ProviderInit> = {}): ProviderInit => ({
  name: 'cloud',
  baseUrl,
  ...more,
})

/** A streamed answer to its end, or to its failure. */
async function read(
  swarm: Pick<FakeSwarm, 'requester'>,
  body: object,
  options: RequestOptions = {},
) {
  const answer = swarm.requester.streamChat(body, options)
  const models = new Set<string>()
  const ids = new Set<string>()
  let text = ''
  let error: InferenceError | undefined
  try {
    for await (const { model, id, choices } of answer) {
      models.add(model)
      ids.add(id)
      text += choices[0]?.delta.content ?? ''
    }
  } catch (thrown) {
    error = thrown as InferenceError
  }
  return { text, models: [...models], ids, error, event: answer.event, attempts: answer.attempts }
}

describe('a provider of the caller’s own', () => {
  it('is asked by its name, without a look at its catalogue', async () => {
    const server = await provider(speaks('one', ' two'))
    const swarm = await network({ providers: [cloud(server, { apiKey: SECRET })] })
    const { text, models, event, attempts } = await read(swarm, asking('cloud/Big-Model'), {
      hops: 2,
    })
    expect(text).toBe('one two')
    expect(models).toEqual(['cloud/Big-Model'])
    expect(event).toMatchObject({
      outcome: 'answered',
      model: 'cloud/Big-Model',
      answeredBy: 'cloud/Big-Model',
      usage: { promptTokens: 7, completionTokens: 2 },
    })
    expect(attempts).toMatchObject([
      { peerId: 'provider:cloud', model: 'cloud/Big-Model', reason: 'first', outcome: 'answered' },
    ])
    expect(server.requests).toMatchObject([
      { path: '/v1/chat/completions', body: { model: 'Big-Model', stream: true } },
    ])
    expect(server.headers[0]).toMatchObject({
      authorization: `Bearer ${SECRET}`,
      'x-skein-hops': '3',
    })
  })

  it('takes a base URL as SDKs do: its paths begin where it ends', async () => {
    const server = await provider(speaks('x'))
    const baseUrl = `${server.baseUrl}/v1beta/openai/`
    const swarm = await network({ providers: [{ name: 'cloud', baseUrl }] })
    await read(swarm, asking('cloud/m'))
    expect(server.requests[0]?.path).toBe('/v1beta/openai/chat/completions')
  })

  it('gets every field that OpenAI defines', async () => {
    const server = await provider(speaks('{}'))
    const swarm = await network({ providers: [cloud(server)] })
    const fields = {
      logit_bias: { 5: -100 },
      presence_penalty: 1,
      reasoning_effort: 'low',
      response_format: { type: 'json_object' },
      seed: 3,
      max_completion_tokens: 9,
    }
    await read(swarm, asking('cloud/m', fields))
    expect(server.requests[0]?.body).toMatchObject(fields)
  })

  it('gives embeddings', async () => {
    const server = await provider(async (response) => {
      const data = [0, 1].map((index) => ({ index, embedding: [index, 1] }))
      response.writeHead(200).end(JSON.stringify({ data, usage: { prompt_tokens: 4 } }))
    })
    const swarm = await network({ providers: [cloud(server)] })
    const body = { model: 'cloud/embed', input: ['a', 'b'], dimensions: 2 }
    await expect(swarm.requester.embed(body)).resolves.toMatchObject({
      model: 'cloud/embed',
      data: [{ embedding: [0, 1] }, { embedding: [1, 1] }],
      usage: { prompt_tokens: 4 },
      skein: { peerId: 'provider:cloud' },
    })
    expect(server.requests[0]?.body).toMatchObject({ input: ['a', 'b'], dimensions: 2 })
  })

  it('is aborted when the consumer leaves', async () => {
    const server = await provider(hangsAfterSaying('one'))
    const swarm = await network({ providers: [cloud(server)] })
    const answer = swarm.requester.streamChat(asking('cloud/m'))
    for await (const { choices } of answer) if (choices[0]?.delta.content === 'one') break
    const signal = server.requests[0]?.signal
    if (signal?.aborted === false) await new Promise((resolve) => (signal.onabort = resolve))
    expect(answer.event).toMatchObject({ outcome: 'cancelled' })
    expect(answer.attempts).toMatchObject([{ outcome: 'cancelled', deliveredTokens: 1 }])
  })

  it.each([
    ['last', ['network', 'network']],
    ['first', ['one', 'one']],
  ] as const)('takes part in requests for a plain id: %s', async (place, expected) => {
    const server = await provider(speaks('one'))
    const swarm = await network({ providers: [cloud(server, { models: ['M'], place })] })
    await swarm.add(answers('network'))
    const streamed = await read(swarm, asking('m'))
    const whole = await swarm.requester.chat(asking('m'))
    expect([streamed.text, whole.choices[0]?.message.content]).toEqual(expected)
    expect([streamed.models, whole.model]).toEqual([['m'], 'm'])
  })

  it('answers if the network has no peer', async () => {
    const server = await provider(speaks('one'))
    const swarm = await network({ providers: [cloud(server, { models: ['m'] })] })
    const { text, attempts } = await read(swarm, asking('m'))
    expect(text).toBe('one')
    expect(attempts).toMatchObject([{ peerId: 'provider:cloud', reason: 'fallback' }])
  })
})

const failing: readonly [string, string, ProviderBehaviour][] = [
  ['answers with 503', 'over_capacity', refusesWith(503)],
  ['answers with 500', 'engine_failed', refusesWith(500)],
  ['answers with 401', 'engine_failed', refusesWith(401)],
  ['answers with 400', 'invalid_request', refusesWith(400)],
  ['lacks the model', 'model_not_found', refusesWith(404, 'no such model')],
  ['limits the rate', 'over_capacity', refusesWith(429, 'slow down', { 'retry-after': '9' })],
  ['ends without a word', 'engine_failed', endsEarly()],
  ['hangs before the first token', 'stalled', hangsAfterSaying()],
]

describe('a chain before its answer has begun', () => {
  it.each(failing)('goes on unseen when a provider %s', async (_, outcome, behaviour) => {
    const server = await provider(behaviour)
    const swarm = await network({
      providers: [cloud(server)],
      ttftTimeoutMs: 300,
      ttftPerTokenMs: 1,
    })
    await swarm.add(answers('network'))
    const { text, models, event } = await read(swarm, asking('cloud/big, m'))
    expect({ text, models }).toEqual({ text: 'network', models: ['m'] })
    expect(event).toMatchObject({
      model: 'cloud/big, m',
      answeredBy: 'm',
      outcome: 'answered',
      attempts: [
        { peerId: 'provider:cloud', model: 'cloud/big', reason: 'first', outcome },
        { model: 'm', reason: 'fallback', outcome: 'answered' },
      ],
    })
  })

  it('goes on when the connection is refused', async () => {
    const server = await startProvider(speaks('never'))
    server.kill()
    const swarm = await network({ providers: [cloud(server)] })
    await swarm.add(answers('network'))
    const { text, attempts } = await read(swarm, asking('cloud/big,m'))
    expect(text).toBe('network')
    expect(attempts[0]?.message).toMatch(/^provider cloud: .*ECONNREFUSED/)
  })

  it('goes from the network to a provider and back to the network', async () => {
    const server = await provider(refusesWith(503))
    const swarm = await network({ providers: [cloud(server)], maxAttempts: 1 })
    await swarm.add(refuses('engine_failed'), { models: [modelNamed('a')] })
    await swarm.add(answers('from b'), { models: [modelNamed('b')] })
    const { text, attempts } = await read(swarm, asking('a', { models: ['cloud/big', 'b'] }))
    expect(text).toBe('from b')
    expect(attempts.map(({ model, outcome }) => [model, outcome])).toEqual([
      ['a', 'engine_failed'],
      ['cloud/big', 'over_capacity'],
      ['b', 'answered'],
    ])
  })

  it('starts the next one concurrently with a silent one, and the first to begin wins', async () => {
    const server = await provider(hangsAfterSaying())
    const swarm = await network({ providers: [cloud(server)], chainPatienceMs: 50 })
    await swarm.add(answers('network'))
    const { text, attempts } = await read(swarm, asking('cloud/big,m'))
    expect(text).toBe('network')
    // Attempts are recorded as they end, and these two end together.
    expect(attempts.toSorted((one, other) => one.startedMs - other.startedMs)).toMatchObject([
      { peerId: 'provider:cloud', outcome: 'superseded', tokens: 0 },
      { model: 'm', outcome: 'answered' },
    ])
    const signal = server.requests[0]?.signal
    if (signal?.aborted === false) await new Promise((resolve) => (signal.onabort = resolve))
    // It counts as hanging: the next request starts with the other.
    const again = await read(swarm, asking('cloud/big,m'))
    const first = again.attempts.find(({ reason }) => reason === 'first')
    expect(first).toMatchObject({ model: 'm', outcome: 'answered' })
  })

  it('lets a slow one win that begins after the next was started', async () => {
    const server = await provider(async (response, request) => {
      await new Promise((resolve) => setTimeout(resolve, 150))
      await speaks('late')(response, request)
    })
    const swarm = await network({ providers: [cloud(server)], chainPatienceMs: 50 })
    const silent = await swarm.add(hangsAfter(accepted))
    const { text, attempts } = await read(swarm, asking('cloud/big,m'))
    expect(text).toBe('late')
    expect(attempts).toMatchObject([
      { peerId: silent.key, outcome: 'superseded' },
      { peerId: 'provider:cloud', outcome: 'answered' },
    ])
  })

  it('leaves one that limits the rate alone until its time', async () => {
    const server = await provider(
      refusesWith(429, 'slow down', { 'retry-after-ms': '700' }),
      speaks('well again'),
    )
    const swarm = await network({ providers: [cloud(server)] })
    await swarm.add(answers('network'))
    const startedAt = performance.now()
    expect((await read(swarm, asking('cloud/big,m'))).text).toBe('network')
    expect((await read(swarm, asking('cloud/big,m'))).text).toBe('network')
    expect(server.requests).toHaveLength(1)
    await expect
      .poll(async () => (await read(swarm, asking('cloud/big,m'))).text, { timeout: 15_000 })
      .toBe('well again')
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(690)
  })

  it('asks even one that is left alone where no other is left', async () => {
    const server = await provider(refusesWith(503), speaks('well again'))
    const swarm = await network({ providers: [cloud(server)] })
    expect((await read(swarm, asking('cloud/big'))).error).toMatchObject({ code: 'over_capacity' })
    expect((await read(swarm, asking('cloud/big'))).text).toBe('well again')
  })

  it('reports the outcome of each if all fail', async () => {
    const server = await provider(refusesWith(503, 'busy', { 'retry-after': '2' }))
    const swarm = await network({ providers: [cloud(server)] })
    await swarm.add(refuses('model_not_found'), { models: [modelNamed('other')] })
    const { error, event } = await read(swarm, asking('cloud/big,m'))
    expect(error).toMatchObject({
      code: 'over_capacity',
      retryAfterMs: 2_000,
      details: {
        members: [
          { model: 'cloud/big', code: 'over_capacity' },
          { model: 'm', code: 'model_not_found' },
        ],
        attempts: [{ peerId: 'provider:cloud' }],
      },
    })
    expect(error?.message).toMatch(/cloud\/big: provider cloud: .*busy.*; m: /)
    expect(event?.answeredBy).toBeUndefined()
  })

  it('does not go on for what is the request’s own fault', async () => {
    const server = await provider(speaks('never'))
    const swarm = await network({ providers: [cloud(server)] })
    const { error } = await read(swarm, { model: 'm,cloud/big', messages: [] })
    expect(error).toMatchObject({ code: 'invalid_request', details: { param: 'messages' } })
    expect(server.requests).toHaveLength(0)
  })
})

describe('a chain after its answer has begun', () => {
  const QUIET = { itlTimeoutMs: 200, stallFloorMs: 100, clock: systemClock }

  it.each([
    ['falls silent', 'stalled', hangsAfterSaying('one', ' two')],
    ['ends without a finish reason', 'truncated', endsEarly('one', ' two')],
  ] as const)('fails loudly when its provider %s', async (_, code, behaviour) => {
    const server = await provider(behaviour)
    const swarm = await network({ ...QUIET, providers: [cloud(server)] })
    await swarm.add(answers('network'))
    const { text, error, event } = await read(swarm, asking('cloud/big,m'))
    expect(text).toBe('one two')
    expect(error).toMatchObject({ code })
    expect(error?.message).toContain('does not switch models')
    expect(event).toMatchObject({ outcome: code, answeredBy: 'cloud/big' })
  })

  it('starts over if nothing was delivered yet', async () => {
    const server = await provider(hangsAfterSaying('one', ' two'))
    const swarm = await network({ ...QUIET, providers: [cloud(server)] })
    await swarm.add(answers('network'))
    const answer = await swarm.requester.chat(asking('cloud/big,m'))
    expect(answer).toMatchObject({
      model: 'm',
      choices: [{ message: { content: 'network' } }],
      skein: { exact: true, attempts: [{ outcome: 'stalled' }, { outcome: 'answered' }] },
    })
  })

  it('continues with another model if the request allows it', async () => {
    const server = await provider(endsEarly('1, 2'))
    const scripted = await ScriptedSwarm.create([{}], {
      ...QUIET,
      providers: [cloud(server)],
    })
    open.push(scripted)
    const { text, models, ids, error, event } = await read(scripted.swarm, asking('cloud/big,m'), {
      switchModels: 'mid-answer',
    })
    expect(error).toBeUndefined()
    expect(text).toBe('1, 2, 3, 4, 5.')
    expect(models).toEqual(['cloud/big'])
    expect(ids.size).toBe(1)
    expect(event).toMatchObject({
      outcome: 'answered',
      answeredBy: 'm',
      exact: false,
      resumes: 1,
      attempts: [
        { peerId: 'provider:cloud', outcome: 'truncated' },
        { model: 'm', reason: 'resume', exact: false, outcome: 'answered' },
      ],
    })
  })

  it('reports that no model can continue', async () => {
    const server = await provider(endsEarly('1, 2'))
    const swarm = await network({ providers: [cloud(server)] })
    // Its engine cannot go on from a text.
    await swarm.add(answers('network'))
    const { text, error } = await read(swarm, asking('cloud/big,m'), {
      switchModels: 'mid-answer',
    })
    expect(text).toBe('1, 2')
    expect(error).toMatchObject({ code: 'truncated', details: { members: [{}, { model: 'm' }] } })
  })

  it('ends an answer by itself whose end was told', async () => {
    const server = await provider(breaksAfterItsEnd('one', ' two'))
    const swarm = await network({ providers: [cloud(server)] })
    const { text, error, event } = await read(swarm, asking('cloud/big'))
    expect({ text, error }).toEqual({ text: 'one two', error: undefined })
    expect(event).toMatchObject({ outcome: 'answered', usageEstimated: true })
  })

  it('counts a network member that broke off as the answer’s own failure', async () => {
    const server = await provider(speaks('never'))
    const swarm = await network({ ...QUIET, providers: [cloud(server)] })
    await swarm.add(resetsAfter(accepted, chatDelta(0, { content: 'one' })))
    const { text, error } = await read(swarm, asking('m,cloud/big'))
    expect(text).toBe('one')
    expect(error?.message).toContain('does not switch models')
    expect(server.requests).toHaveLength(0)
  })
})

describe('auto', () => {
  it('selects the capable model with the most ready peers', async () => {
    const swarm = await network()
    const embedder = modelNamed('embedder', { capabilities: ['embedding'] })
    for (let at = 0; at < 3; at += 1) await swarm.add(answers('no'), { models: [embedder] })
    await swarm.add(answers('small'), { models: [modelNamed('small', { parameters: 9e9 })] })
    for (let at = 0; at < 2; at += 1) {
      await swarm.add(answers('wide'), { models: [modelNamed('wide', { parameters: 1e9 })] })
    }
    const { text, models, event } = await read(swarm, asking('auto'))
    expect({ text, models }).toEqual({ text: 'wide', models: ['wide'] })
    expect(event).toMatchObject({ model: 'auto', answeredBy: 'wide' })
  })

  it('tries the next best one, and at last a provider’s first model', async () => {
    const server = await provider(speaks('one'))
    const swarm = await network({
      providers: [cloud(server, { models: ['big', 'small'] })],
      maxAttempts: 1,
    })
    for (const id of ['a', 'b']) {
      await swarm.add(refuses('engine_failed'), { models: [modelNamed(id)] })
    }
    const { text, models, attempts } = await read(swarm, asking('auto'))
    expect({ text, models }).toEqual({ text: 'one', models: ['cloud/big'] })
    expect(attempts.map(({ model }) => model)).toEqual(['a', 'b', 'cloud/big'])
  })

  it('reports the missing capability if no model has it', async () => {
    const swarm = await network()
    await swarm.add(answers('no'))
    const tools = [{ type: 'function', function: { name: 'f' } }]
    const { error } = await read(swarm, asking('auto', { tools }))
    expect(error).toMatchObject({ code: 'capability_unavailable' })
    expect(error?.message).toContain('tools')
  })

  it('reports no_peers if there is neither a peer nor a provider', async () => {
    const { error } = await read(await network(), asking('auto'))
    expect(error).toMatchObject({ code: 'no_peers' })
  })
})

describe('the key of a provider', () => {
  it('is in no error, event or record, and no peer gets it', async () => {
    const echo = `your key ${SECRET} and team ${SECRET.toUpperCase()} are not welcome`
    const padded = `${'x'.repeat(285)}${SECRET}`
    const server = await provider(
      refusesWith(400, echo),
      refusesWith(500, padded),
      refusesWith(401, echo),
      async (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end(`data: ${JSON.stringify({ error: { message: echo } })}\n\n`)
      },
    )
    const events: RequestEvent[] = []
    const swarm = await network({
      providers: [cloud(server, { apiKey: SECRET, headers: { 'x-team': SECRET.toUpperCase() } })],
      onEvent: (event) => events.push(event),
    })
    const received: unknown[] = []
    const answer = answers('network')
    await swarm.add(async (stream) => {
      const { head, body } = await readRequest(stream)
      received.push(head, body)
      stream.abort(new Error('enough'))
    })
    await swarm.add(answer)
    // What is wrong with the request is no reason to leave the provider alone: it is asked first each time.
    const chained = await read(swarm, asking('cloud/big,m'))
    expect(chained.text).toBe('network')
    const told: unknown[] = []
    for (let at = 0; at < 3; at += 1) {
      const alone = await read(swarm, asking('cloud/big', { seed: at }))
      told.push(alone.error, alone.error?.message, alone.error?.stack, alone.attempts)
      for (let cause = alone.error?.cause; cause instanceof Error; cause = cause.cause) {
        told.push(cause.message, cause.stack)
      }
    }
    told.push(chained, swarm.requester.names, events, received)
    expect(server.headers).toHaveLength(4)
    expect(server.headers[0]?.authorization).toContain(SECRET)
    expect(server.headers[0]?.['x-team']).toBe(SECRET.toUpperCase())
    expect(received.length).toBeGreaterThan(0)
    const text = JSON.stringify(told, (_, value) =>
      value instanceof Error ? { ...value, message: value.message } : value,
    ).toLowerCase()
    expect(text).not.toContain(SECRET.slice(0, 8))
  })

  it('is not shown where it cannot be sent', async () => {
    const server = await provider(speaks('never'))
    const apiKey = `${SECRET}\n`
    const error = await network({
      providers: [cloud(server, { apiKey: `a\u0000${apiKey}` })],
    }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'invalid_request' })
    expect(String((error as Error).stack)).not.toContain(SECRET)
    expect((error as Error).cause).toBeUndefined()
  })
})
