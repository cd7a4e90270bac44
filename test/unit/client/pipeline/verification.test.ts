import { describe, expect, it, onTestFinished } from 'vitest'
import type { Verification } from '../../../../client/index.ts'
import { splitRequests } from '../../../../client/split/split-requests.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { answers } from '../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../testing/swarms/fake-swarm.ts'
import { type ScriptedPeerInit, ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'

const capabilities = ['chat', 'completion', 'embedding', 'token_ids', 'tools', 'score'] as const
const rates: ScriptedPeerInit = { model: { capabilities } }
/** The first one is asked first by everyone. */
const lies: ScriptedPeerInit = {
  ...rates,
  scriptOf: ({ kind }) => (kind === 'chat' ? { answer: 'a canned answer of many words' } : {}),
}
const refusesToRate: ScriptedPeerInit = {
  ...rates,
  scriptOf: ({ kind }) => {
    if (kind === 'score') throw new InferenceError('engine_failed', 'it does not rate')
    return {}
  },
}
const alone: ScriptedPeerInit = { model: { capabilities, digest: `sha256:${'6'.repeat(64)}` } }

const messages = [{ role: 'user', content: 'Count from 1 to 9.' }] as const
const body = { model: 'm', temperature: 0, messages }
const always = { verify: 'always', policy: 'single' } as const
const required = { verify: 'required', policy: 'single' } as const

async function swarmOf(...peers: readonly ScriptedPeerInit[]) {
  const swarm = await ScriptedSwarm.create(peers, { timeoutMs: 5_000 })
  onTestFinished(() => swarm[Symbol.asyncDispose]())
  const asked = (kind: string): number =>
    swarm.peers.flatMap(({ engine }) => engine.calls).filter(({ request }) => request.kind === kind)
      .length
  const { requester, clock } = swarm.swarm
  return { requester, clock, peers: swarm.peers, asked }
}

async function collect<T>(answer: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of answer) all.push(one)
  return all
}

const failureOf = async (answer: PromiseLike<unknown>): Promise<InferenceError> =>
  await answer.then(
    () => expect.unreachable('it was to fail'),
    (error: unknown) => error as InferenceError,
  )

describe('an answer with verify: always', () => {
  it('reports its scorers, their findings and the cost at its end', async () => {
    const { requester, peers } = await swarmOf(rates, rates, rates)
    const { skein } = await requester.chat(body, always)
    const { verification } = skein
    expect(verification).toMatchObject({ status: 'passed', parts: [{ outcome: 'passed' }] })
    const [part] = verification?.parts ?? []
    expect(part?.peerId).toBe(skein.peerId)
    expect(part?.by).toHaveLength(2)
    expect(part?.by).not.toContain(skein.peerId)
    for (const by of part?.by ?? []) expect(peers.map(({ key }) => key)).toContain(by)
    expect(part).toMatchObject({ misses: 0, hardMisses: 0, asked: 2 })
    // Each of them read the prompt, too.
    expect(part?.tokens).toBeGreaterThan(2 * (part?.positions ?? 0))
  })

  it('has the verdict in the last chunk of a stream, with the finish reason', async () => {
    const { requester } = await swarmOf(rates, rates, rates)
    const usage = { stream_options: { include_usage: true } }
    const completion = { model: 'm', temperature: 0, prompt: 'Count from 1 to 9.' }
    const asking = [
      () => requester.streamChat(body, always),
      () => requester.streamChat({ ...body, ...usage }, always),
      () => requester.streamCompletion(completion, always),
    ]
    for (const ask of asking) {
      const answer = ask()
      const chunks = await collect<{
        readonly choices: readonly { readonly finish_reason: string | null }[]
        readonly skein: { readonly verification?: Verification }
      }>(answer)
      const last = chunks.at(-1)
      expect(last?.skein.verification?.status).toBe('passed')
      expect(answer.event?.verification).toEqual(last?.skein.verification)
      const others = chunks.slice(0, -1)
      expect(others.filter(({ skein }) => skein.verification !== undefined)).toEqual([])
      const ends = chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])
      expect(ends).toEqual(['stop'])
    }
  })

  it('does not end before the verdict is known', async () => {
    const { promise: gate, resolve } = Promise.withResolvers<void>()
    const slow: ScriptedPeerInit = {
      ...rates,
      scriptOf: ({ kind }) => (kind === 'score' ? { gate } : {}),
    }
    const { requester, asked } = await swarmOf(slow, slow)
    const chunks = requester.streamChat(body, always)[Symbol.asyncIterator]()
    let text = ''
    while (!text.endsWith('9.')) {
      const { value } = await chunks.next()
      expect(value?.choices[0]?.finish_reason).toBe(null)
      text += value?.choices[0]?.delta.content ?? ''
    }
    const end = chunks.next()
    await expect.poll(() => asked('score')).toBe(1)
    resolve()
    expect((await end).value?.choices[0]?.finish_reason).toBe('stop')
  })

  it('fails in a stream with the evidence, which its record has, too', async () => {
    const { requester, peers } = await swarmOf(lies, rates, rates)
    const answer = requester.streamChat(body, always)
    const failure = await failureOf(collect(answer))
    expect(failure).toMatchObject({
      code: 'verification_failed',
      details: {
        verification: {
          status: 'failed',
          parts: [{ peerId: peers[0]?.key, outcome: 'failed', asked: 2 }],
        },
      },
    })
    expect(answer.event?.verification).toEqual(
      failure.detailsOf('verification_failed').verification,
    )
  })

  it('reports why it could not be rated', async () => {
    const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }]
    const cases = [
      [[rates], body, 'no-scorer'],
      [[alone, rates], body, 'no-scorer'],
      [[refusesToRate, refusesToRate], body, 'no-answer'],
      [[rates, rates, rates], { ...body, tools }, 'request'],
      [[rates, rates, rates], { ...body, max_tokens: 3 }, 'too-short'],
      [[lies, rates], body, 'unsettled'],
    ] as const
    for (const [peers, asked, why] of cases) {
      const { requester } = await swarmOf(...(peers as readonly ScriptedPeerInit[]))
      const { skein } = await requester.chat(asked, always)
      expect([skein.verification?.status, skein.verification?.why]).toEqual(['unverified', why])
    }
    const { requester } = await swarmOf(rates, rates)
    const { skein } = await requester.embed({ model: 'm', input: 'x' }, always)
    expect(skein.verification).toEqual({ status: 'unverified', why: 'request', parts: [] })
    const silent = await FakeSwarm.create()
    onTestFinished(() => silent.close())
    // It tells no token ids.
    await silent.add(answers('one', 'two'))
    const answer = await silent.requester.chat(body, always)
    expect(answer.skein.verification?.why).toBe('no-token-ids')
  })

  it('has the weakest verdict of its choices', async () => {
    const { requester, clock } = await swarmOf(rates, rates, rates)
    const context = { timeoutMs: 5_000, random: Math.random, clock }
    const split = splitRequests(requester, context)
    const { skein } = await split.chat({ ...body, n: 3 }, always)
    expect(skein.verification).toMatchObject({ status: 'passed' })
    expect(skein.verification?.parts).toHaveLength(3)
    const stream = split.streamChat({ ...body, n: 2 }, always)
    const chunks = await collect(stream)
    const ends = chunks.filter(({ choices }) => choices.some((one) => one.finish_reason !== null))
    expect(ends.map(({ skein }) => skein.verification?.status)).toEqual(['passed', 'passed'])
    expect(stream.event?.verification?.parts).toHaveLength(2)
  })
})

describe('an answer that does not wait for a verdict', () => {
  it.each(['sample', 'off'] as const)('has no verification: %s', async (verify) => {
    const { requester } = await swarmOf(rates, rates, rates)
    const { skein } = await requester.chat(body, { verify })
    expect(skein).not.toHaveProperty('verification')
    const chunks = await collect(requester.streamChat(body, { verify }))
    expect(chunks.filter((chunk) => 'verification' in chunk.skein)).toEqual([])
  })
})

describe('an answer whose verification is required', () => {
  it('fails with the reason if no peer can rate it', async () => {
    const { requester } = await swarmOf(rates)
    const streamed = await failureOf(collect(requester.streamChat(body, required)))
    const whole = await failureOf(requester.chat(body, required))
    for (const failure of [streamed, whole]) {
      expect(failure).toMatchObject({
        code: 'verification_failed',
        details: { verification: { status: 'unverified', why: 'no-scorer' } },
      })
    }
  })

  it('is requested from a peer that can be rated, if the caller gets it whole', async () => {
    const { requester, peers } = await swarmOf(alone, rates, rates)
    const { skein } = await requester.chat(body, required)
    expect(skein.verification?.status).toBe('passed')
    expect(skein.peerId).not.toBe(peers[0]?.key)
    expect(skein.attempts.map(({ peerId }) => peerId)).toContain(peers[0]?.key)
  })

  it('is not requested if the request itself cannot be rated', async () => {
    const { requester, asked } = await swarmOf(rates, rates)
    const failure = await failureOf(requester.embed({ model: 'm', input: 'x' }, required))
    expect(failure).toMatchObject({ details: { verification: { why: 'request' } } })
    expect(asked('embedding')).toBe(0)
  })

  it('does not affect requests without verification', async () => {
    const { requester } = await swarmOf(rates)
    for (let time = 0; time < 4; time += 1) await failureOf(requester.chat(body, required))
    const { skein } = await requester.chat(body, always)
    expect(skein.verification?.status).toBe('unverified')
  })
})
