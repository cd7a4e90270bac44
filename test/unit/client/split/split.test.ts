import { describe, expect, it, onTestFinished } from 'vitest'
import type { Script } from '../../../../backend/index.ts'
import { PartialFailure } from '../../../../client/split/partial-failure.ts'
import { splitRequests } from '../../../../client/split/split-requests.ts'
import {
  type ChatChunk,
  InferenceError,
  type InferenceRequest,
} from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/index.ts'
import {
  type ScriptedPeer,
  type ScriptedPeerInit,
  ScriptedSwarm,
} from '../../../../testing/swarms/scripted-swarm.ts'

const messages = [{ role: 'user', content: 'Count from 1 to 5.' }] as const
const FIVE = '1, 2, 3, 4, 5.'
const broken: Script = { fault: { type: 'throw', error: new InferenceError('engine_failed', 'x') } }
const INPUTS = Array.from({ length: 100 }, (_, index) => `input number ${index}`)

/** Virtual time flies while requests are under way; the pauses between them are what a test waits for. */
const AT_LEISURE = { timeoutMs: 86_400_000, silenceTimeoutMs: 3_600_000, ttftTimeoutMs: 3_600_000 }

async function swarmOf(
  peers: readonly ScriptedPeerInit[],
  init: Parameters<typeof ScriptedSwarm.create>[1] = {},
) {
  // Time passes only where a test lets it: a busy machine starts no hedge and no second copy.
  const clock = new VirtualClock({ wallMs: Date.now() })
  const swarm = await ScriptedSwarm.create(peers, { clock, ...init })
  onTestFinished(() => swarm[Symbol.asyncDispose]())
  const { requester } = swarm.swarm
  const context = { timeoutMs: 20_000, random: Math.random, clock }
  return { swarm, requester, split: splitRequests(requester, context), clock }
}

const callsOf = (peers: readonly ScriptedPeer[]) => peers.flatMap(({ engine }) => engine.calls)

describe('n choices', () => {
  it('arrive in order, from all peers, with one usage', async () => {
    const { split, swarm } = await swarmOf([{}, {}, {}])
    const answer = await split.chat({ model: 'm', messages, n: 6, seed: 40 })
    expect(answer.choices.map(({ index, message }) => [index, message.content])).toEqual(
      [0, 1, 2, 3, 4, 5].map((index) => [index, FIVE]),
    )
    const calls = callsOf(swarm.peers)
    const seeds = calls.map(({ request }) => (request.body as { seed: number }).seed)
    expect(seeds.toSorted()).toEqual([40, 41, 42, 43, 44, 45])
    expect(swarm.peers.every(({ engine }) => engine.calls.length > 0)).toBe(true)
    const single = await split.chat({ model: 'm', messages })
    expect(answer.usage.prompt_tokens).toBe(single.usage.prompt_tokens)
    expect(answer.usage.completion_tokens).toBe(6 * single.usage.completion_tokens)
    expect(answer.skein.attempts).toHaveLength(6)
  })

  it('arrive as one stream with one id, each with its own role and finish reason', async () => {
    const { split } = await swarmOf([{}, {}])
    const body = { model: 'm', messages, n: 3, stream_options: { include_usage: true } }
    const answer = split.streamChat(body)
    const chunks: ChatChunk[] = []
    for await (const chunk of answer) chunks.push(chunk)
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    for (const index of [0, 1, 2]) {
      const own = chunks.flatMap(({ choices }) => choices.filter((one) => one.index === index))
      expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe(FIVE)
      expect(own.filter(({ delta }) => delta.role !== undefined)).toHaveLength(1)
      expect(own.filter(({ finish_reason }) => finish_reason !== null)).toHaveLength(1)
    }
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: answer.usage })
    expect(answer.event).toMatchObject({ outcome: 'answered', usage: { completionTokens: 30 } })
    expect(answer.attempts).toHaveLength(3)
  })

  it('end with an error that names a choice interrupted mid-answer, and complete the others', async () => {
    const fault = { type: 'throw', error: new InferenceError('engine_failed', 'x'), afterTokens: 2 }
    const script = { fault } as Script
    const { split } = await swarmOf([{ scripts: [script], model: { resume: 'none' } }])
    const texts = ['', '', '']
    const read = async (): Promise<void> => {
      for await (const { choices } of split.streamChat({ model: 'm', messages, n: 3 })) {
        for (const { index, delta } of choices) texts[index] += delta.content ?? ''
      }
    }
    const error: unknown = await read().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(PartialFailure)
    expect(error).toMatchObject({ code: 'partial_failure', details: { items: [{ index: 0 }] } })
    expect(texts.slice(1)).toEqual([FIVE, FIVE])
    expect(FIVE.startsWith(texts[0] ?? 'x')).toBe(true)
  })

  it('are rejected with the name of the field if too many, or not a number', async () => {
    const { split } = await swarmOf([{}])
    for (const n of [129, 0, 1.5, '2']) {
      await expect(split.chat({ model: 'm', messages, n })).rejects.toMatchObject({
        code: 'invalid_request',
        details: { param: 'n' },
      })
    }
  })

  it('all come from the chain member that begins to answer', async () => {
    const { split, swarm } = await swarmOf([{}])
    const body = { model: 'not-served,m', models: ['auto'], messages, n: 4 }
    const answer = await split.chat(body)
    expect(answer.model).toBe('m')
    expect(answer.choices).toHaveLength(4)
    expect(callsOf(swarm.peers)).toHaveLength(4)
  })
})

describe('a list of prompts', () => {
  it('is answered prompt by prompt, choice by choice', async () => {
    const { split } = await swarmOf([{}, {}])
    const prompt = ['Count from 1 to 3.', 'Count from 7 to 9.']
    const answer = await split.complete({ model: 'm', prompt, n: 2 })
    expect(answer.choices.map(({ index, text }) => [index, text.trim()])).toEqual([
      [0, '1, 2, 3.'],
      [1, '1, 2, 3.'],
      [2, '7, 8, 9.'],
      [3, '7, 8, 9.'],
    ])
  })

  it('may have a single prompt', async () => {
    const { split } = await swarmOf([{}])
    const answer = await split.complete({ model: 'm', prompt: ['Count from 1 to 3.'] })
    expect(answer.choices).toHaveLength(1)
  })

  it('is rejected with the name of an invalid prompt', async () => {
    const { split } = await swarmOf([{}])
    const call = split.complete({ model: 'm', prompt: [{ not: 'a prompt' }] })
    await expect(call).rejects.toMatchObject({
      code: 'invalid_request',
      details: { param: 'prompt' },
    })
  })
})

describe('many inputs', () => {
  it('are embedded by all peers, in order, with the same result as by one peer', async () => {
    const { split, requester, swarm } = await swarmOf([{}, {}, {}])
    const answer = await split.embed({ model: 'm', input: INPUTS })
    expect(answer.data.map(({ index }) => index)).toEqual(INPUTS.map((_, index) => index))
    expect(swarm.peers.every(({ engine }) => engine.calls.length > 0)).toBe(true)
    const whole = await requester.embed({ model: 'm', input: INPUTS })
    expect(answer.data).toEqual(whole.data)
    expect(answer.usage).toEqual(whole.usage)
  })

  it('survive failing shards', async () => {
    const { split } = await swarmOf([{ scripts: [broken, {}, broken, broken] }, {}])
    const answer = await split.embed({ model: 'm', input: INPUTS })
    expect(answer.data).toHaveLength(100)
  })

  it('are never embedded with two sets of weights', async () => {
    const other = { digest: `sha256:${'6'.repeat(64)}` }
    const { split, swarm } = await swarmOf([{}, { model: other }, {}])
    await split.embed({ model: 'm', input: INPUTS })
    expect(swarm.peers.map(({ engine }) => engine.calls.length > 0)).toEqual([true, false, true])
  })

  // Hundreds of requests: a busy machine takes its time.
  it('are sent again to other weights if the first cannot embed all of them', {
    timeout: 60_000,
  }, async () => {
    const other = { digest: `sha256:${'6'.repeat(64)}` }
    const scripts = Array.from({ length: 400 }, (_, index) => (index === 0 ? {} : broken))
    const { split, swarm, clock } = await swarmOf(
      [
        { scripts, advertisement: { slots: 8 } },
        { model: other, advertisement: { slots: 1 } },
      ],
      { maxAttempts: 1 },
    )
    const answer = await clock.until(split.embed({ model: 'm', input: INPUTS }, AT_LEISURE))
    expect(answer.data).toHaveLength(100)
    const second = swarm.peers[1]?.engine.calls ?? []
    const inputs = second.flatMap(
      ({ request }) => (request.body as { input: readonly string[] }).input,
    )
    expect(new Set(inputs).size).toBe(100)
  })

  it('keep the embeddings that arrived, and name the inputs that failed', async () => {
    const scriptOf = ({ body }: InferenceRequest): Script => {
      const { input } = body as { input: readonly string[] }
      return input.includes('input number 17') ? broken : {}
    }
    const { split, clock } = await swarmOf([{ scriptOf }], { maxAttempts: 1 })
    const error: unknown = await clock
      .until(split.embed({ model: 'm', input: INPUTS }))
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(PartialFailure)
    const { details, answer } = error as PartialFailure<{ data: { index: number }[] }>
    expect(details.items).toMatchObject([{ index: 17, code: 'engine_failed' }])
    expect(answer?.data.map(({ index }) => index)).toEqual(
      INPUTS.map((_, index) => index).filter((index) => index !== 17),
    )
  })

  it('reject with the reason of the caller’s signal', async () => {
    const controller = new AbortController()
    const { split, swarm } = await swarmOf([
      { scripts: Array(50).fill({ gate: new Promise(() => {}) }) },
    ])
    const call = split.embed({ model: 'm', input: INPUTS }, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    await Promise.all(swarm.peers.map(({ engine }) => engine.idle()))
  })
})
