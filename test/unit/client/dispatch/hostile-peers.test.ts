import { afterEach, describe, expect, it } from 'vitest'
import { openStream } from '../../../../client/attempt/open-stream.ts'
import type { RequestEvent } from '../../../../client/index.ts'
import {
  encodeNodeFrame,
  FrameWriter,
  InferenceError,
  type NodeFrame,
} from '../../../../protocol/index.ts'
import {
  accepted,
  answers,
  type Behaviour,
  chatDelta,
  chatFrames,
  hangsAfter,
  modelNamed,
  newPeerId,
  readRequest,
  refuses,
  resetsAfter,
  says,
} from '../../../../testing/swarms/client-peers.ts'
import { FakeSwarm, type FakeSwarmInit } from '../../../../testing/swarms/fake-swarm.ts'
import { delay } from '../../../../timing/index.ts'

const request = { model: 'm', messages: [{ role: 'user', content: 'Count.' }] } as const
/** Weights that all peers share; engines that resume by text, or by ids as well. */
const byText = { models: [modelNamed('m', { resume: 'prefill' })] }
const byIds = {
  models: [
    modelNamed('m', {
      resume: 'tokens',
      digest: `sha256:${'7'.repeat(64)}`,
      capabilities: ['chat', 'completion', 'embedding', 'token_ids'],
    }),
  ],
}
const failed = (code: 'engine_failed', message = 'died'): NodeFrame => ({
  type: 'failed',
  error: new InferenceError(code, message),
})

let swarm: FakeSwarm

afterEach(async () => {
  await swarm.close()
})

async function create(init: FakeSwarmInit = {}): Promise<void> {
  swarm = await FakeSwarm.create({ timeoutMs: 20_000, connectedPeers: 0, ...init })
}

async function read(
  options: Parameters<FakeSwarm['requester']['streamChat']>[1] = {},
): Promise<{ text: string; event: RequestEvent | undefined; error: InferenceError | undefined }> {
  const answer = swarm.requester.streamChat(request, options)
  let text = ''
  try {
    for await (const { choices } of answer) text += choices[0]?.delta.content ?? ''
  } catch (error) {
    return { text, event: answer.event, error: error as InferenceError }
  }
  return { text, event: answer.event, error: undefined }
}

/** One chunk per word, each with its token id. */
function withIds(words: readonly string[], ids: readonly number[][]): NodeFrame[] {
  return words.map((content, seq) => ({
    ...(chatDelta(seq, { content }) as Extract<NodeFrame, { type: 'chunk' }>),
    tokenIds: ids[seq] ?? [],
  }))
}

describe('a peer that fails after it sent the end', () => {
  it('does not affect the answer, even if another engine failed on the request before', async () => {
    await create()
    await swarm.add(refuses('engine_failed'))
    await swarm.add(
      says(
        accepted,
        chatDelta(0, { content: 'one' }),
        chatDelta(1, {}, 'stop'),
        failed('engine_failed'),
      ),
    )
    const { text, event, error } = await read()
    expect([text, error?.code, event?.outcome]).toEqual(['one', undefined, 'answered'])
  })
})

describe('a peer that falls silent after it sent the end', () => {
  it('is not waited for, as the answer is complete', async () => {
    await create({ stallFloorMs: 50, itlTimeoutMs: 4_000 })
    await swarm.add(
      hangsAfter(accepted, chatDelta(0, { content: 'one' }), chatDelta(1, {}, 'stop')),
      byText,
    )
    await swarm.add(answers('x'), byText)
    const { text, event } = await read()
    expect(text).toBe('one')
    expect(event).toMatchObject({ attempts: [{ outcome: 'answered' }], usageEstimated: true })
    expect(event?.durationMs).toBeLessThan(4_000)
  })
})

describe('a peer that sends nothing but empty pieces after its first', () => {
  it('counts as silent', async () => {
    await create({ stallFloorMs: 50, itlTimeoutMs: 4_000 })
    await swarm.add(async (stream, clock) => {
      await readRequest(stream)
      const writer = new FrameWriter(stream)
      const send = (frame: NodeFrame): Promise<void> => writer.write(encodeNodeFrame(frame))
      await send(accepted)
      await send(chatDelta(0, { content: 'one' }))
      for (let seq = 1; stream.status === 'open'; seq += 1) {
        await send(chatDelta(seq, { content: '' }))
        await delay(10, { clock })
      }
    }, byText)
    await swarm.add(answers(' two'), byText)
    const { text, event } = await read()
    expect(text).toBe('one two')
    expect(event?.attempts).toMatchObject([
      { reason: 'first', outcome: 'stalled' },
      { reason: 'stall', outcome: 'answered' },
    ])
  })
})

describe('token ids that do not match the text', () => {
  it('lead to a resume by text at the peer that refused them, if there is no other', async () => {
    await create()
    const first = await swarm.add(
      resetsAfter(accepted, ...withIds(['one', ' two'], [[1], [2]])),
      byIds,
    )
    let asked = 0
    await swarm.add(async (stream) => {
      asked += 1
      swarm.remove(first)
      await (asked === 1 ? refuses('not_resumable') : answers(' three'))(stream)
    }, byIds)
    const { text, event, error } = await read()
    expect([text, error?.message]).toEqual(['one two three', undefined])
    expect(event).toMatchObject({ exact: false, outcome: 'answered' })
  })

  it('are not a fault of the request, even if two peers call them invalid', async () => {
    await create()
    const invalid = refuses('invalid_request', { details: { param: 'resume' } })
    const first = await swarm.add(
      resetsAfter(accepted, ...withIds(['one', ' two'], [[1], [2 ** 31]])),
      byIds,
    )
    const gone: Behaviour = async (stream) => {
      swarm.remove(first)
      await invalid(stream)
    }
    await swarm.add(gone, byIds)
    await swarm.add(invalid, byIds)
    const { text, error } = await read({ resume: 'exact' })
    expect(text).toBe('one two')
    expect(error?.traits.blame).not.toBe('caller')
    // The first peer is dialled again for a while.
    expect(new Set(error?.details.attempts?.map(({ outcome }) => outcome))).toEqual(
      new Set(['stream_reset', 'not_resumable', 'dial_failed']),
    )
  })
})

describe('an answer that starts again', () => {
  it('is not charged with the repetitions of an earlier peer', async () => {
    await create()
    await swarm.add(answers(...Array.from({ length: 200 }, () => 'again ')))
    await swarm.add(answers('again ', 'fine'))
    const whole = await swarm.requester.chat(request, { resume: 'off' })
    expect(whole.choices[0]?.message.content).toBe('again fine')
  })

  it('is exact again, whatever was discarded', async () => {
    await create()
    const broken = resetsAfter(accepted, chatDelta(0, { content: 'one' }))
    const first = await swarm.add(broken, byText)
    await swarm.add(async (stream) => {
      swarm.remove(first)
      await resetsAfter(accepted, chatDelta(0, { reasoning_content: 'hm' }))(stream)
    }, byText)
    await swarm.add(answers('one two'), { models: [modelNamed('m')] })
    const whole = await swarm.requester.chat(request)
    expect(whole.choices[0]?.message.content).toBe('one two')
    expect(whole.skein.exact).toBe(true)
  })
})

describe('a quorum on an answer that repeats itself', () => {
  it('delivers the agreed answer and blames no peer', async () => {
    await create()
    const words = Array.from({ length: 150 }, () => 'again ')
    for (let i = 0; i < 2; i += 1) await swarm.add(answers(...words))
    const answer = await swarm.requester.chat(
      { ...request, temperature: 0 },
      { policy: 'quorum:2-of-2' },
    )
    expect(answer.choices[0]?.message.content).toBe(words.join(''))
    expect(answer.skein.attempts.map(({ outcome }) => outcome)).toEqual(['answered', 'answered'])
  })
})

describe('a consumer that is slow to read the end', () => {
  it('gets no error for a deadline that passed after the answer was complete', async () => {
    await create({ timeoutMs: 400 })
    await swarm.add(answers('one'))
    const answer = swarm.requester.streamChat({
      ...request,
      stream_options: { include_usage: true },
    })
    let usage = false
    for await (const chunk of answer) {
      if (!('usage' in chunk)) continue
      usage = true
      await delay(600, { clock: swarm.clock })
    }
    expect([usage, answer.event?.outcome]).toEqual([true, 'answered'])
  })
})

describe('a resume lease', () => {
  it('is returned if the peer cannot be dialled', async () => {
    const ends: string[] = []
    const lease = () => {
      let open = true
      const settle = (how: string) => () => {
        if (open) ends.push(how)
        open = false
      }
      return { succeeded: settle('back'), failed: settle('spent') }
    }
    await create({
      budgets: {
        budget: { balance: 0, take: () => true, succeeded: () => {} },
        reserve: { balance: 0, acquire: async () => lease(), answered: () => {} },
      },
    })
    await swarm.add(resetsAfter(accepted, chatDelta(0, { content: 'one' })), byText)
    swarm.remove(await swarm.add(answers('x'), byText))
    await swarm.add(answers(' two'), byText)
    expect((await read()).text).toBe('one two')
    expect(ends).toEqual(['back', 'back'])
  })
})

describe('requests for which no peer was asked', () => {
  it('are not answered from memory once there is a peer', async () => {
    await create()
    for (let i = 0; i < 4; i += 1) expect((await read()).error).toBeDefined()
    await swarm.add(answers('one'))
    expect((await read()).text).toBe('one')
  })
})

describe('a race of peers that only the DHT knows', () => {
  it('asks the requested number of peers', async () => {
    await create({ hidden: true })
    const peers = [
      await swarm.add(hangsAfter(accepted)),
      await swarm.add(says(...chatFrames(['one']))),
    ]
    const { text } = await read({ policy: 'race:2' })
    expect(text).toBe('one')
    expect(peers.map(({ streams }) => streams.length)).toEqual([1, 1])
  })
})

describe('a dial that ignores its signal', () => {
  it('is abandoned in time, and its stream is reset if it opens later', async () => {
    await create()
    await swarm.add(answers('one'))
    const { promise, resolve } = Promise.withResolvers<never>()
    const opening = openStream(() => promise, await newPeerId(), '/x', {
      signal: new AbortController().signal,
      dialTimeoutMs: 30,
    })
    await expect(opening).rejects.toMatchObject({ code: 'dial_failed' })
    let aborted = false
    const late = { abort: () => (aborted = true) }
    resolve(late as never)
    await Promise.resolve()
    await expect.poll(() => aborted).toBe(true)
  })
})
