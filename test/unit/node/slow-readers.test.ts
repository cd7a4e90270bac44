import type { Stream, StreamMuxer } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { describe, expect, it } from 'vitest'
import { type Backend, type BackendEvent, createScriptedBackend } from '../../../backend/index.ts'
import { muxer } from '../../../host/muxer.ts'
import { PROTOCOLS } from '../../../protocol/index.ts'
import { VirtualClock } from '../../../testing/index.ts'
import {
  chatBody,
  collect,
  createHarness,
  textOf,
  upload,
} from '../../../testing/swarms/node-harness.ts'
import { delay } from '../../../timing/index.ts'

interface Receiving {
  onData(data: Uint8Array): void
}

const PIECE = 'w'.repeat(60_000)
/** Pieces of more than a stream buffers. */
const PIECES = 50

/** Bytes a millisecond of a line of 1 Mbit/s. */
const SLOW_LINE = 125

/**
 * Both ends of a stream, with the windows of real ones.
 *
 * @param bytesPerMs of the line to the outbound end
 */
async function streams(
  clock: VirtualClock,
  bytesPerMs: number,
): Promise<[outbound: Stream, inbound: Stream]> {
  const [one, other] = multiaddrConnectionPair()
  const near = muxer()().createStreamMuxer(one) as StreamMuxer & Receiving
  const receive = near.onData.bind(near)
  let arrived = Promise.resolve()
  near.onData = (data) => {
    arrived = arrived
      .then(() => delay(data.byteLength / bytesPerMs, { clock }))
      .then(() => receive(data))
  }
  const inbound = new Promise<Stream>((resolve) => {
    muxer()()
      .createStreamMuxer(other)
      .addEventListener('stream', ({ detail }) => resolve(detail))
  })
  const outbound = await near.createStream()
  const accepted = await inbound
  outbound.protocol = accepted.protocol = PROTOCOLS.inference
  return [outbound, accepted]
}

/** Long answers, much faster than any line. */
async function* answered(isLong: boolean): AsyncGenerator<BackendEvent, void, void> {
  for (let n = 0; n < (isLong ? PIECES : 1); n += 1) {
    const choice = { index: 0, delta: { content: PIECE }, finish_reason: null }
    const json = { id: '', object: 'chat.completion.chunk' as const, created: 0, model: '' }
    yield { type: 'chunk', json: { ...json, choices: [choice] }, tokenIds: [], logprobs: [] }
  }
  const usage = { promptTokens: 1, completionTokens: 1, cachedPromptTokens: 0 }
  yield { type: 'done', usage, timings: { prefillMs: 0, decodeMs: 0 } }
}

/** An answer without an end. */
async function* endless(clock: VirtualClock): AsyncGenerator<BackendEvent, void, void> {
  for (;;) {
    await delay(20, { clock })
    for await (const event of answered(false)) if (event.type === 'chunk') yield event
  }
}

async function setting(clock: VirtualClock, slots = 1) {
  const scripted = createScriptedBackend({ clock })
  const backend: Backend = {
    description: 'large answers',
    models: () => scripted.models(),
    load: () => scripted.load(),
    infer: ({ body }) => {
      const text = JSON.stringify(body)
      return text.includes('endless') ? endless(clock) : answered(text.includes('long'))
    },
    [Symbol.asyncDispose]: () => scripted[Symbol.asyncDispose](),
  }
  const node = await createHarness({
    backend,
    slots,
    clock,
    limits: { writeStallMs: 1e9, keepAliveMs: 10_000 },
  })
  const ask = async (peer: string, content: string, bytesPerMs = 1e6) => {
    const [stream, inbound] = await streams(clock, bytesPerMs)
    const handled = node.serve(inbound, peer)
    await upload(stream, chatBody(content), { remainingMs: 3_600_000 })
    return { stream, handled }
  }
  return { node, ask }
}

describe('an answer larger than a stream buffers, while another peer waits', () => {
  it('ends if it is not read, so that it can continue: what was sent, and why it ended, can be read later', async () => {
    using clock = VirtualClock.flowing()
    const { node, ask } = await setting(clock)
    const unread = await ask('unread', 'long')
    unread.stream.pause()
    const waiting = await ask('waiting', 'short')
    expect((await collect(waiting.stream)).at(-1)?.type).toBe('done')
    unread.stream.resume()
    const late = await collect(unread.stream)
    expect(textOf(late).length % PIECE.length).toBe(0)
    expect(textOf(late).length).toBeGreaterThan(2_000_000)
    expect(late.at(-1)).toMatchObject({ type: 'failed', error: { code: 'over_capacity' } })
    await unread.handled
    const outcomes = node.served.map(({ peerId, outcome }) => `${peerId}: ${outcome}`)
    expect(outcomes).toEqual(['waiting: answered', 'unread: over_capacity'])
  })

  it('is kept if it is read steadily over a slow line', async () => {
    using clock = VirtualClock.flowing()
    const { ask } = await setting(clock)
    const slow = await ask('slow', 'long', SLOW_LINE)
    const waiting = await ask('waiting', 'short')
    const [read, answer] = await Promise.all([collect(slow.stream), collect(waiting.stream)])
    expect(read.at(-1)?.type).toBe('done')
    expect(textOf(read)).toBe(PIECE.repeat(PIECES))
    expect(answer.at(-1)?.type).toBe('done')
  })
})

it('peers that hold every slot with endless answers do not keep three others waiting', async () => {
  using clock = VirtualClock.flowing()
  const { node, ask } = await setting(clock, 4)
  for (const peer of ['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b']) {
    const { stream } = await ask(peer, 'endless')
    stream.pause()
  }
  while (node.gate.occupancy.queueDepth < 4) await new Promise((resolve) => setImmediate(resolve))
  const beganAtMs = clock.now()
  const outcomes = ['c', 'd', 'e'].map(async (peer) => {
    const { stream } = await ask(peer, 'short')
    return (await collect(stream)).at(-1)?.type
  })
  expect(await Promise.all(outcomes)).toEqual(['done', 'done', 'done'])
  expect(clock.now() - beganAtMs).toBeLessThan(2_000)
  node.halt(new Error('over'))
})
