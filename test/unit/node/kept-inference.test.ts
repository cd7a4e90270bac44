import type { Stream } from '@libp2p/interface'
import fc from 'fast-check'
import { encode } from 'it-length-prefixed'
import { describe, expect, it, vi } from 'vitest'
import { createScriptedBackend } from '../../../backend/index.ts'
import {
  type ByteBudget,
  decodeNodeFrame,
  encodeClientFrame,
  FrameReader,
  FrameWriter,
  type Head,
  InferenceError,
  type NodeFrame,
  PROTOCOLS,
  SMALL_CLAIM_BYTES,
} from '../../../protocol/index.ts'
import { VirtualClock } from '../../../testing/index.ts'
import {
  chatBody,
  createHarness,
  type Harness,
  type HarnessInit,
  head,
  textOf,
} from '../../../testing/swarms/node-harness.ts'

const BOUNDS = { maxFrames: 10_000, maxTotalBytes: 10_000_000 }

/** A client's end of a kept stream, and the node behind it. */
async function open(init: Omit<HarnessInit, 'backend'> = {}, node?: Harness) {
  const backend = createScriptedBackend()
  const harness = node ?? (await createHarness({ backend, ...init }))
  const { stream, handled } = await harness.open('peer', PROTOCOLS.keptInference)
  const reader = new FrameReader(stream, BOUNDS)
  const writer = new FrameWriter(stream)
  let attempts = 0
  const ask = async (text: string, more: Partial<Head> = {}): Promise<Uint8Array> => {
    const body = chatBody(text)
    attempts += 1
    const attemptId = new Uint8Array(16).fill(attempts)
    const wanted = { type: 'head' as const, ...head(body, { attemptId, ...more }) }
    await writer.write(encodeClientFrame(wanted))
    await writer.write(encodeClientFrame({ type: 'body', data: body }, attemptId))
    return attemptId
  }
  const answer = async (attemptId: Uint8Array): Promise<NodeFrame[]> => {
    const frames: NodeFrame[] = []
    for (;;) {
      const bytes = await reader.next()
      if (bytes === undefined) return frames
      const frame = decodeNodeFrame(bytes, attemptId)
      if (frame.type !== 'keepAlive') frames.push(frame)
      if (frame.type === 'done' || frame.type === 'failed') return frames
    }
  }
  return { harness, backend, stream, handled, reader, writer, ask, answer }
}

const closed = (stream: Stream): Promise<void> =>
  new Promise((resolve) => {
    if (stream.status !== 'open') resolve()
    else stream.addEventListener('close', () => resolve(), { once: true })
  })

/** Leaves no byte free. */
function fillUp(memory: ByteBudget): void {
  for (let bytes = SMALL_CLAIM_BYTES; bytes >= 1; ) {
    try {
      memory.claim({ peer: 'other', network: 'other' }).grow(bytes)
    } catch {
      bytes /= 2
    }
  }
}

describe('a kept stream', () => {
  it('carries one answer after the other, each under its own id', async () => {
    const { harness, stream, handled, ask, answer } = await open()
    for (let n = 3; n < 6; n += 1) {
      const id = await ask(`Count from 1 to ${n}.`)
      const frames = await answer(id)
      const numbers = Array.from({ length: n }, (_, at) => at + 1).join(', ')
      expect(textOf(frames)).toBe(`${numbers}.`)
      expect(frames.at(-1)?.type).toBe('done')
    }
    await stream.close()
    await handled
    expect(harness.served.map(({ outcome }) => outcome)).toEqual(Array(3).fill('answered'))
    expect(harness.memory.usedBytes).toBe(0)
    expect(harness.context.kept.size).toBe(0)
  })

  it('answers a request whose client has no other', async () => {
    const { stream, handled, ask, answer } = await open()
    const id = await ask('Count from 1 to 3.')
    await stream.close()
    expect((await answer(id)).at(-1)?.type).toBe('done')
    await handled
  })

  it('ends with a refusal, which names its attempt', async () => {
    const { handled, reader, ask, answer } = await open()
    expect((await answer(await ask('Count from 1 to 3.'))).at(-1)?.type).toBe('done')
    const [failed] = await answer(await ask('hello', { model: 'gpt-99' }))
    expect(failed).toMatchObject({ type: 'failed', error: { code: 'model_not_found' } })
    expect(await reader.next()).toBeUndefined()
    await handled
  })

  it('counts each attempt towards the rate of its peer', async () => {
    const limits = { requestsPerSecondPerPeer: 0.001, requestBurstPerPeer: 2 }
    const { ask, answer } = await open({ limits })
    for (let n = 0; n < 2; n += 1) await answer(await ask('Count from 1 to 3.'))
    const [failed] = await answer(await ask('Count from 1 to 3.'))
    expect(failed).toMatchObject({ type: 'failed', error: { code: 'rate_limited' } })
  })

  it('refuses a peer without access after each head', async () => {
    const { ask, answer } = await open({ deny: ['peer'] })
    const [failed] = await answer(await ask('hello'))
    expect(failed).toMatchObject({ type: 'failed', error: { code: 'unauthorized' } })
  })

  it('stops the engine and ends the attempt at a reset in the second answer', async () => {
    const backend = createScriptedBackend({ paceMs: 5 })
    const harness = await createHarness({ backend })
    const { stream, handled, reader, ask, answer } = await open({}, harness)
    await answer(await ask('Count from 1 to 3.'))
    await ask('Count from 1 to 1000.')
    for (let frames = 0; frames < 4; frames += 1) await reader.next()
    stream.abort(new Error('cancelled'))
    await handled
    await backend.idle()
    await harness.gate.idle()
    expect(harness.served.map(({ outcome }) => outcome)).toEqual(['answered', 'cancelled'])
    expect(harness.gate.occupancy).toMatchObject({ inFlight: 0, queueDepth: 0 })
    expect(harness.memory.usedBytes).toBe(0)
  })

  it('resets a client that stops reading in its third answer, and stops the engine', async () => {
    // With a long name in each chunk, more bytes than the wire takes.
    const id = 'm'.repeat(250)
    const answers = ['1', '2', 'word '.repeat(6_000)]
    const backend = createScriptedBackend({
      models: [{ id, contextLength: 100_000 }],
      script: () => ({ answer: answers.shift() ?? '' }),
    })
    const harness = await createHarness({ backend, limits: { writeStallMs: 200 } })
    const { stream, handled, ask, answer } = await open({}, harness)
    for (let n = 0; n < 2; n += 1) await answer(await ask('hello', { model: id }))
    await ask('hello', { model: id })
    stream.pause()
    await handled
    await backend.idle()
    expect(backend.calls.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'aborted'])
    expect(stream.status).not.toBe('open')
    expect(harness.memory.usedBytes).toBe(0)
  })

  it('refuses a body of another attempt', async () => {
    const { harness, stream, handled, writer, answer } = await open()
    const body = chatBody('Count from 1 to 3.')
    const mine = new Uint8Array(16).fill(1)
    const other = new Uint8Array(16).fill(2)
    await writer.write(encodeClientFrame({ type: 'head', ...head(body, { attemptId: mine }) }))
    await writer.write(encodeClientFrame({ type: 'body', data: body }, other))
    const [failed] = await answer(mine)
    expect(failed).toMatchObject({ type: 'failed', error: { code: 'invalid_request' } })
    await stream.close()
    await handled
    expect(harness.memory.usedBytes).toBe(0)
  })

  it('ends an attempt whose client sends more before the answer is over', async () => {
    const backend = createScriptedBackend({ paceMs: 5 })
    const harness = await createHarness({ backend })
    const { stream, handled, ask } = await open({}, harness)
    await ask('Count from 1 to 1000.')
    await ask('Count from 1 to 3.')
    await closed(stream)
    await handled
    await backend.idle()
    expect(harness.served.map(({ outcome }) => outcome)).toEqual(['invalid_request'])
    expect(harness.memory.usedBytes).toBe(0)
  })

  it('is closed when idle for long, and reset without a first request', async () => {
    const clock = new VirtualClock()
    const backend = createScriptedBackend()
    const harness = await createHarness({ backend, clock })
    const used = await open({}, harness)
    const unused = await open({}, harness)
    await clock.until(used.ask('Count from 1 to 3.').then((id) => used.answer(id)))
    expect(await clock.until(unused.reader.next().catch(() => undefined))).toBeUndefined()
    expect(await clock.until(used.reader.next())).toBeUndefined()
    await Promise.all([used.stream.close(), unused.stream.close()])
    await clock.until(Promise.all([used.handled, unused.handled]))
    expect(harness.context.kept.size).toBe(0)
  })

  it('is one of a bounded number that wait', async () => {
    const { harness } = await open()
    const streams: Stream[] = []
    for (let n = 0; n < 300; n += 1) {
      const { stream } = await harness.open('peer', PROTOCOLS.keptInference)
      streams.push(stream)
    }
    expect(harness.context.kept.size).toBeLessThanOrEqual(256)
    await closed(streams.at(-1) as Stream)
    harness.context.kept.close()
    await Promise.all(streams.map((stream) => stream.close().catch(() => {})))
  })

  it('is closed at once when the node drains', async () => {
    const { harness, stream, handled, reader, ask, answer } = await open()
    await answer(await ask('Count from 1 to 3.'))
    harness.context.kept.close()
    expect(await reader.next()).toBeUndefined()
    await stream.close()
    await handled
  })

  it('counts towards the limit of its peer while its head is on the way', async () => {
    const { harness, stream } = await open({ limits: { maxStreamsPerPeer: 1 } })
    const counted = vi.spyOn(harness.context.peers, 'open')
    stream.send(Uint8Array.of(200))
    await expect.poll(() => counted.mock.calls).toHaveLength(1)
    expect(harness.context.kept.size).toBe(1)
    const other = await open({}, harness)
    const [failed] = await other.answer(await other.ask('hello'))
    expect(failed).toMatchObject({ type: 'failed', error: { code: 'rate_limited' } })
    stream.abort(new Error('over'))
    await expect.poll(() => harness.context.kept.size).toBe(0)
  })

  it('tells its client when memory is short', async () => {
    const { harness, ask, answer } = await open()
    fillUp(harness.memory)
    const [failed] = await answer(await ask('hello'))
    expect(failed).toMatchObject({ type: 'failed', error: { code: 'over_capacity' } })
  })

  it('without a request ends soon when the node drains', async () => {
    const { harness, handled, reader } = await open()
    harness.context.kept.close()
    expect(await reader.next()).toBeUndefined()
    await handled
    expect(harness.served).toEqual([])
  })

  it('without a request ends at once when the node halts', async () => {
    const { harness, stream, handled } = await open()
    harness.halt(new InferenceError('draining', 'the node leaves now'))
    await handled
    await closed(stream)
  })

  it('ends on arbitrary bytes without calling the engine', { timeout: 30_000 }, async () => {
    const backend = createScriptedBackend()
    const node = await createHarness({ backend, limits: { uploadTimeoutMs: 1_000, lingerMs: 50 } })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }),
        fc.boolean(),
        async (parts, asFrames) => {
          const { stream, handled } = await node.open('peer', PROTOCOLS.keptInference)
          for (const part of parts) {
            if (stream.status !== 'open') break
            if (asFrames) stream.send(encode.single(part).subarray())
            else if (part.length > 0) stream.send(part)
          }
          await stream.close().catch(() => {})
          await handled
        },
      ),
      { numRuns: 100 },
    )
    expect(backend.calls).toEqual([])
    expect(node.memory.usedBytes).toBe(0)
    expect(node.context.kept.size).toBe(0)
  })
})
