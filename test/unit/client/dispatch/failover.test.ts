import { afterEach, describe, expect, it } from 'vitest'
import { InferenceError } from '../../../../protocol/index.ts'
import {
  accepted,
  answers,
  type Behaviour,
  chatDelta,
  chatFrames,
  chunk,
  cutsAFrame,
  DONE,
  hangsAfter,
  modelNamed,
  onlyKeepsAlive,
  refuses,
  resetsAfter,
  says,
  talksGarbage,
  worksThenAnswers,
} from '../../../../testing/swarms/client-peers.ts'
import { FakeSwarm, type FakeSwarmInit } from '../../../../testing/swarms/fake-swarm.ts'

const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const impatient: FakeSwarmInit = {
  silenceTimeoutMs: 150,
  ttftTimeoutMs: 300,
  itlTimeoutMs: 150,
  // Round trips are measured on warm connections only; without them peers are chosen in the order of adding.
  connectedPeers: 0,
}
const hello = chatDelta(1, { content: 'hel' })
const begin = [accepted, chatDelta(0, { role: 'assistant', content: '' })]

let swarm: FakeSwarm

afterEach(async () => {
  await swarm.close()
})

async function textOf(
  answer: AsyncIterable<{ choices: readonly { delta: { content?: string | null } }[] }>,
) {
  let text = ''
  for await (const { choices } of answer) text += choices[0]?.delta.content ?? ''
  return text
}

const before: readonly [name: string, outcome: string, behaviour: Behaviour][] = [
  ['accepts and says nothing', 'stalled', hangsAfter()],
  ['takes the request and then says nothing', 'stalled', hangsAfter(...begin)],
  ['keeps alive for ever', 'stalled', onlyKeepsAlive],
  ['resets', 'stream_reset', resetsAfter(accepted)],
  ['ends without a word', 'truncated', says()],
  ['ends without its terminal frame', 'truncated', says(...begin)],
  ['says done without a finish reason', 'truncated', says(...begin, DONE)],
  ['cuts a frame', 'truncated', cutsAFrame],
  ['sends garbage', 'malformed', talksGarbage],
  ['sends a chunk that is not JSON', 'malformed', says(accepted, chunk(0, '{"choices":'))],
  [
    'sends a chunk that is not a chat chunk',
    'malformed',
    says(accepted, chunk(0, { choices: 'x' })),
  ],
  ['begins with the wrong number', 'malformed', says(accepted, chatDelta(1, { content: 'x' }))],
  ['answers before it accepts', 'malformed', says(chatDelta(0, { content: 'x' }))],
  ['accepts twice', 'malformed', says(accepted, accepted)],
  [
    'sends a choice that was not requested',
    'malformed',
    says(accepted, chunk(0, { choices: [{ index: 3, delta: { content: 'x' } }] })),
  ],
  ['fails with a code that only a client can give', 'malformed', refuses('dial_failed')],
  ['finds the context too long without saying how long', 'malformed', refuses('context_too_long')],
  ['reports that the client cancelled', 'malformed', refuses('cancelled')],
  ['cannot resume what was never begun', 'malformed', refuses('not_resumable')],
  ['is over capacity', 'over_capacity', refuses('over_capacity', { retryAfterMs: 50 })],
  ['is loading', 'loading', refuses('loading')],
  ['is draining', 'draining', refuses('draining')],
  ['no longer has the model', 'model_not_found', refuses('model_not_found')],
  ['does not serve this client', 'unauthorized', refuses('unauthorized')],
  ['has a failing engine', 'engine_failed', refuses('engine_failed')],
  ['falsely calls the request invalid', 'invalid_request', refuses('invalid_request')],
  ['falsely denies a capability', 'capability_unavailable', refuses('capability_unavailable')],
]

describe('a failure before the first visible piece', () => {
  it.each(before)('is hidden by another peer when the first %s', async (_, outcome, behaviour) => {
    swarm = await FakeSwarm.create(impatient)
    const bad = await swarm.add(behaviour)
    const good = await swarm.add(answers('hello', ' world'))
    // A hedge would overtake peers that are only silent.
    const answer = swarm.requester.streamChat(request, { policy: 'single' })
    expect(await textOf(answer)).toBe('hello world')
    expect(answer.attempts).toMatchObject([
      { peerId: bad.key, outcome },
      { peerId: good.key, outcome: 'answered' },
    ])
  })

  it('does not include a node that reports its work for longer than a first token may take', async () => {
    swarm = await FakeSwarm.create({ ...impatient, silenceTimeoutMs: 60_000, ttftTimeoutMs: 1_000 })
    const slow = await swarm.add(worksThenAnswers(80, 'hello'))
    const answer = swarm.requester.streamChat(request)
    expect(await textOf(answer)).toBe('hello')
    expect(answer.attempts).toMatchObject([{ peerId: slow.key, outcome: 'answered' }])
    expect(answer.attempts[0]?.durationMs).toBeGreaterThan(1_000)
  })

  it('keeps the last report in the record of an attempt that never began', async () => {
    swarm = await FakeSwarm.create({ ...impatient, silenceTimeoutMs: 60_000 })
    await swarm.add(worksThenAnswers(100_000))
    const asked = swarm.requester.chat(request, { timeoutMs: 700 })
    await expect(asked).rejects.toMatchObject({
      code: 'deadline_exceeded',
      details: { attempts: [{ progress: { phase: 'prefill', of: 100_000 } }] },
    })
  })

  it('is hidden when the first cannot be dialled', async () => {
    swarm = await FakeSwarm.create(impatient)
    const gone = await swarm.add(answers())
    await swarm.add(answers('hello'))
    swarm.remove(gone)
    const answer = swarm.requester.streamChat(request)
    expect(await textOf(answer)).toBe('hello')
    expect(answer.attempts[0]?.outcome).toBe('dial_failed')
  })
})

const after: readonly [name: string, outcome: string, behaviour: Behaviour][] = [
  ['falls silent', 'stalled', hangsAfter(...begin, hello)],
  ['resets', 'stream_reset', resetsAfter(...begin, hello)],
  ['ends without its terminal frame', 'truncated', says(...begin, hello)],
  ['says done without a finish reason', 'truncated', says(...begin, hello, DONE)],
  ['skips a number', 'malformed', says(...begin, hello, chatDelta(3, { content: 'x' }))],
  ['repeats a number', 'malformed', says(...begin, hello, hello)],
  [
    'has a failing engine',
    'engine_failed',
    says(...begin, hello, { type: 'failed', error: new InferenceError('engine_failed', 'died') }),
  ],
]

describe('a failure after the first visible piece', () => {
  it.each(after)(
    'is a typed error, never a short answer, when the peer %s',
    async (_, code, behaviour) => {
      swarm = await FakeSwarm.create(impatient)
      const bad = await swarm.add(behaviour)
      await swarm.add(answers('something', ' else'))
      let text = ''
      const reading = (async () => {
        // On a busy machine a hedge would add a second attempt.
        const alone = { policy: 'single' } as const
        for await (const { choices } of swarm.requester.streamChat(request, alone)) {
          text += choices[0]?.delta.content ?? ''
        }
      })()
      await expect(reading).rejects.toMatchObject({
        name: 'InferenceError',
        code,
        details: { attempts: [{ peerId: bad.key, outcome: code }] },
      })
      expect(text).toBe('hel')
    },
  )

  it('does not affect an answer whose end was already received', async () => {
    swarm = await FakeSwarm.create(impatient)
    await swarm.add(
      says(...begin, hello, chatDelta(2, {}, 'stop'), chatDelta(3, { content: 'x' }), DONE),
    )
    const answer = swarm.requester.streamChat(request)
    expect(await textOf(answer)).toBe('hel')
    expect(answer.event).toMatchObject({
      outcome: 'answered',
      attempts: [{ outcome: 'malformed' }],
    })
  })

  it('is hidden as well if the caller gets the whole answer at once', async () => {
    swarm = await FakeSwarm.create(impatient)
    await swarm.add(resetsAfter(...begin, hello))
    const good = await swarm.add(answers('hello', ' world'))
    const answer = await swarm.requester.chat(request)
    expect(answer.choices[0]?.message.content).toBe('hello world')
    expect(answer.skein.peerId).toBe(good.key)
    expect(answer.skein.attempts.map(({ outcome }) => outcome)).toEqual([
      'stream_reset',
      'answered',
    ])
  })
})

describe('how a request ends', () => {
  it.each(['invalid_request', 'capability_unavailable', 'engine_failed'] as const)(
    'ends when a second peer confirms %s, without asking a third',
    async (code) => {
      swarm = await FakeSwarm.create(impatient)
      swarm.prove(await swarm.add(refuses(code)))
      swarm.prove(await swarm.add(refuses(code)))
      const third = await swarm.add(answers('hello'))
      await expect(swarm.requester.chat(request)).rejects.toMatchObject({ code })
      expect(third.streams).toHaveLength(0)
    },
  )

  it.each(['invalid_request', 'engine_failed'] as const)(
    'does not end because strangers report %s while a proven peer is left',
    async (code) => {
      swarm = await FakeSwarm.create(impatient)
      for (let n = 0; n < 3; n += 1) await swarm.add(refuses(code))
      const honest = await swarm.add(answers('hello'))
      swarm.prove(honest)
      const answer = await swarm.requester.chat(request)
      expect(answer.skein.peerId).toBe(honest.key)
    },
  )

  it('does not end because the engines of two strangers fail while another peer is left', async () => {
    swarm = await FakeSwarm.create(impatient)
    await swarm.add(refuses('engine_failed'))
    await swarm.add(refuses('engine_failed'))
    await swarm.add(answers('hello'))
    const answer = await swarm.requester.chat(request)
    expect(answer.choices[0]?.message.content).toBe('hello')
  })

  it('does not count two peers of one operator as two independent claims', async () => {
    swarm = await FakeSwarm.create(impatient)
    const advertisement = { operator: 'same' }
    await swarm.add(refuses('invalid_request'), { advertisement })
    await swarm.add(refuses('invalid_request'), { advertisement })
    await swarm.add(answers('hello'))
    const answer = await swarm.requester.chat(request)
    expect(answer.choices[0]?.message.content).toBe('hello')
  })

  it('reports a single peer’s claim if there is no second peer', async () => {
    swarm = await FakeSwarm.create(impatient)
    const only = await swarm.add(refuses('invalid_request', { details: { param: 'temperature' } }))
    const error = await swarm.requester.chat(request).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'invalid_request', details: { param: 'temperature' } })
    expect(only.streams).toHaveLength(1)
  })

  it('asks a peer twice at most whose engine answers in an unknown shape', async () => {
    swarm = await FakeSwarm.create(impatient)
    const details = { param: 'choices.0.delta.content' }
    const only = await swarm.add(refuses('engine_failed', { details }))
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({
      code: 'engine_failed',
      details,
    })
    expect(only.streams).toHaveLength(2)
  })

  it('says in the record why the usage of a whole answer is estimated', async () => {
    swarm = await FakeSwarm.create(impatient)
    const message = "the engine sent 'usage.prompt_tokens' as the number -1"
    const error = new InferenceError('engine_failed', message)
    await swarm.add(says(...begin, hello, chatDelta(2, {}, 'stop'), { type: 'failed', error }))
    const answer = swarm.requester.streamChat(request)
    expect(await textOf(answer)).toBe('hel')
    expect(answer.event).toMatchObject({ outcome: 'answered', usageEstimated: true })
    expect(answer.attempts).toMatchObject([{ outcome: 'engine_failed', message }])
  })

  it('does not give up on a busy peer because another calls the request invalid', async () => {
    swarm = await FakeSwarm.create({ ...impatient, timeoutMs: 5_000 })
    await swarm.add(refuses('over_capacity', { retryAfterMs: 20_000 }))
    await swarm.add(refuses('invalid_request'))
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({
      code: 'over_capacity',
      retryAfterMs: 20_000,
    })
  })

  it('asks a peer with a longer context before it believes two shorter ones', async () => {
    swarm = await FakeSwarm.create(impatient)
    const details = { promptTokens: 5_000, contextLength: 4_096 }
    await swarm.add(refuses('context_too_long', { details }))
    await swarm.add(refuses('context_too_long', { details }))
    const longer = await swarm.add(answers('hello'), {
      models: [modelNamed('m', { contextLength: 8_192 })],
    })
    const answer = await swarm.requester.chat(request)
    expect(answer.skein.peerId).toBe(longer.key)
  })

  it('reports both numbers when the prompt is longer than any context', async () => {
    swarm = await FakeSwarm.create(impatient)
    const details = { promptTokens: 5_000, contextLength: 4_096 }
    await swarm.add(refuses('context_too_long', { details }))
    await swarm.add(refuses('context_too_long', { details }))
    await swarm.add(answers('never asked'))
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({
      code: 'context_too_long',
      details,
    })
    expect(swarm.peers[2]?.streams).toHaveLength(0)
  })

  it('stops after the allowed number of attempts', async () => {
    swarm = await FakeSwarm.create({ ...impatient, maxAttempts: 2 })
    for (let i = 0; i < 3; i += 1) await swarm.add(resetsAfter(accepted))
    const error: unknown = await swarm.requester.chat(request).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'stream_reset' })
    expect((error as InferenceError).details.attempts).toHaveLength(2)
  })

  it('asks a failed peer again only if no other is left', async () => {
    swarm = await FakeSwarm.create(impatient)
    let asked = 0
    await swarm.add(async (stream) => {
      asked += 1
      await (asked === 1 ? resetsAfter(accepted) : answers('second try'))(stream)
    })
    const answer = await swarm.requester.chat(request)
    expect(answer.choices[0]?.message.content).toBe('second try')
  })

  it('waits as long as the only peer requests, then asks it again', async () => {
    swarm = await FakeSwarm.create(impatient)
    const askedAt: number[] = []
    await swarm.add(async (stream) => {
      askedAt.push(swarm.clock.now())
      const first = askedAt.length === 1
      await (first ? refuses('over_capacity', { retryAfterMs: 120 }) : answers('free'))(stream)
    })
    await swarm.requester.chat(request)
    expect((askedAt[1] ?? 0) - (askedAt[0] ?? 0)).toBeGreaterThanOrEqual(120)
  })

  it('fails with over_capacity at once if the wait would outlast the deadline', async () => {
    swarm = await FakeSwarm.create({ ...impatient, timeoutMs: 5_000 })
    await swarm.add(refuses('over_capacity', { retryAfterMs: 20_000 }))
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({
      code: 'over_capacity',
      retryAfterMs: 20_000,
    })
    // At once: not when the deadline comes.
    expect(swarm.clock.now()).toBe(0)
  })

  it('asks a failed peer last in the next request', async () => {
    swarm = await FakeSwarm.create(impatient)
    const bad = await swarm.add(resetsAfter(accepted))
    await swarm.add(answers('hello'))
    await swarm.requester.chat(request)
    await swarm.requester.chat(request)
    expect(bad.streams).toHaveLength(1)
  })

  it('does not ask a draining peer again', async () => {
    swarm = await FakeSwarm.create(impatient)
    const failed = new InferenceError('draining', 'going')
    const load = {
      ...DONE,
      state: 'draining',
      inFlight: 1,
      slots: 4,
      queueDepth: 0,
      expectedTtftMs: 0,
    } as const
    const leaving = await swarm.add(says({ type: 'failed', error: failed, load }))
    await swarm.add(says(...chatFrames(['hello'])))
    await swarm.requester.chat(request)
    await swarm.requester.chat(request)
    expect(leaving.streams).toHaveLength(1)
  })
})
