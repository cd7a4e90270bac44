import type { Stream } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { type Backend, createScriptedBackend, type Fault } from '../../../backend/index.ts'
import { InferenceError, type NodeFrame, type Progress } from '../../../protocol/index.ts'
import { VirtualClock } from '../../../testing/index.ts'
import {
  chatBody,
  collect,
  createHarness,
  frames,
  textOf,
  upload,
} from '../../../testing/swarms/node-harness.ts'

const count = chatBody('Count from 1 to 60.')

/** Reads until a frame of this type, and leaves the rest. */
async function readUntil(stream: Stream, type: NodeFrame['type']): Promise<NodeFrame> {
  for await (const frame of frames(stream)) if (frame.type === type) return frame
  throw new Error(`no ${type}`)
}

/** Turns of the event loop until `condition` holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

describe('faults while serving', () => {
  it('stops the engine when the client resets', async () => {
    using clock = VirtualClock.flowing()
    const backend = createScriptedBackend({ clock, paceMs: 5 })
    const node = await createHarness({ backend, clock })
    const { stream, handled } = await node.open()
    await upload(stream, count)
    await readUntil(stream, 'chunk')
    stream.abort(new Error('enough'))
    await handled
    await backend.idle()
    expect(backend.aborted).toBe(1)
    expect(backend.calls[0]?.tokens).toBeLessThan(20)
    expect(node.served[0]).toMatchObject({ outcome: 'cancelled' })
    await node.gate.idle()
  })

  it('charges a client that leaves early for tokens read and sent, and records its slot time', async () => {
    using clock = VirtualClock.flowing()
    const backend = createScriptedBackend({ clock, paceMs: 1 })
    const node = await createHarness({ backend, clock })
    const whole = await node.open('whole')
    await upload(whole.stream, count)
    expect((await collect(whole.stream)).at(-1)?.type).toBe('done')
    await whole.handled
    const full = node.context.fairness.taken('whole')
    expect(full).toBeGreaterThan(0)
    let serviceMs = 0
    for (let n = 0; n < 3; n += 1) {
      const { stream, handled } = await node.open('leaver')
      await upload(stream, count)
      let seen = 0
      for await (const { type } of frames(stream)) if (type === 'chunk' && ++seen === 20) break
      stream.abort(new Error('enough'))
      await handled
      expect(node.context.fairness.taken('leaver')).toBeGreaterThanOrEqual(20 * (n + 1))
      expect(node.gate.measured.serviceMs).not.toBe(serviceMs)
      serviceMs = node.gate.measured.serviceMs
    }
  })

  it('charges nothing for an engine that failed before its first token', async () => {
    const fault = { type: 'throw', error: new Error('broken') } as const
    const backend = createScriptedBackend({ script: () => ({ fault }) })
    const node = await createHarness({ backend })
    const { stream, handled } = await node.open()
    await upload(stream, count)
    expect((await collect(stream)).at(-1)?.type).toBe('failed')
    await handled
    expect(node.context.fairness.taken('peer')).toBe(0)
  })

  it('releases the place in the queue when the client resets while it waits', async () => {
    const gate = Promise.withResolvers<void>()
    const backend = createScriptedBackend({ script: () => ({ gate: gate.promise }) })
    const node = await createHarness({ backend, slots: 1 })
    const first = await node.open('first')
    await upload(first.stream, count)
    await until(() => backend.active === 1)
    const second = await node.open('second')
    await upload(second.stream, count)
    expect(await readUntil(second.stream, 'accepted')).toMatchObject({ queuePosition: 1 })
    expect(node.gate.occupancy).toMatchObject({ inFlight: 1, queueDepth: 1 })
    second.stream.abort(new Error('enough'))
    await second.handled
    expect(node.gate.occupancy).toMatchObject({ inFlight: 1, queueDepth: 0 })
    gate.resolve()
    expect((await collect(first.stream)).at(-1)?.type).toBe('done')
    expect(backend.calls).toHaveLength(1)
  })

  it('sends engine_failed after the chunks, without internal details', async () => {
    const inside = new Error('/home/operator/secret.gguf is broken')
    const backend = createScriptedBackend({
      script: () => ({ fault: { type: 'throw', error: inside, afterTokens: 3 } }),
    })
    const node = await createHarness({ backend })
    const { stream, handled } = await node.open()
    await upload(stream, count)
    const answer = await collect(stream)
    await handled
    expect(textOf(answer)).not.toBe('')
    const last = answer.at(-1)
    expect(last).toMatchObject({ type: 'failed', error: { code: 'engine_failed' } })
    expect(JSON.stringify(last)).not.toContain('secret')
    expect(last?.type === 'failed' && last.error.message).not.toContain('secret')
    expect(answer.filter(({ type }) => type === 'failed' || type === 'done')).toHaveLength(1)
  })

  it('sends engine_failed for an answer without an end', async () => {
    const backend = createScriptedBackend({
      script: () => ({ fault: { type: 'end', afterTokens: 2 } }),
    })
    const node = await createHarness({ backend })
    const { stream } = await node.open()
    await upload(stream, count)
    expect((await collect(stream)).at(-1)).toMatchObject({ error: { code: 'engine_failed' } })
  })

  it('sends engine_failed for a backend that throws at once, and releases the slot', async () => {
    const backend = {
      ...createScriptedBackend(),
      description: 'broken',
      models: () => createScriptedBackend().models(),
      load: () => createScriptedBackend().load(),
      infer: () => {
        throw new TypeError('not even a generator')
      },
      [Symbol.asyncDispose]: async () => {},
    }
    const node = await createHarness({ backend })
    const { stream, handled } = await node.open()
    await upload(stream, count)
    expect((await collect(stream)).at(-1)).toMatchObject({ error: { code: 'engine_failed' } })
    await handled
    await node.gate.idle()
  })

  it.each([
    ['context_too_long', { details: { promptTokens: 900, contextLength: 512 } }],
    ['over_capacity', { retryAfterMs: 1_234 }],
    ['not_resumable', {}],
  ] as const)('passes on %s from the engine with what belongs to it', async (code, more) => {
    const error = new InferenceError(code, 'as the engine says', more)
    const backend = createScriptedBackend({ script: () => ({ fault: { type: 'throw', error } }) })
    const node = await createHarness({ backend })
    const { stream } = await node.open()
    await upload(stream, count)
    expect((await collect(stream)).at(-1)).toMatchObject({ error: { code, ...more } })
  })

  it('does not send codes that only a client can find, nor its own errors with a cloud', async () => {
    for (const code of ['stalled', 'malformed', 'unauthorized', 'deadline_exceeded'] as const) {
      const error = new InferenceError(code, 'key sk-123 refused')
      const backend = createScriptedBackend({ script: () => ({ fault: { type: 'throw', error } }) })
      const node = await createHarness({ backend })
      const { stream } = await node.open()
      await upload(stream, count)
      const last = (await collect(stream)).at(-1)
      expect(last).toMatchObject({ error: { code: 'engine_failed' } })
      expect(last?.type === 'failed' && last.error.message).not.toContain('sk-123')
    }
  })

  it('keeps the connection alive before the first token, and stops a stalled engine at the deadline', async () => {
    using clock = VirtualClock.flowing()
    const backend = createScriptedBackend({ script: () => ({ fault: { type: 'stall' } }) })
    const node = await createHarness({ backend, clock, limits: { keepAliveMs: 5 } })
    const { stream, handled } = await node.open()
    await upload(stream, count, { remainingMs: 150 })
    const types: string[] = []
    let last: NodeFrame | undefined
    for await (const frame of frames(stream)) {
      types.push(frame.type)
      last = frame
    }
    await handled
    await backend.idle()
    expect(types.filter((type) => type === 'keepAlive').length).toBe(29)
    expect(last).toMatchObject({ type: 'failed', error: { code: 'deadline_exceeded' } })
    expect(backend.aborted).toBe(1)
  })

  it('reports the engine’s progress, and a queued request, in its keep-alives', async () => {
    using clock = VirtualClock.flowing()
    const backend = createScriptedBackend({ script: () => ({ fault: { type: 'stall' } }) })
    const prefill = { phase: 'prefill', tokens: 512, of: 4_096 } as const
    const telling: Backend = {
      description: 'an engine that says how far it is',
      models: (options) => backend.models(options),
      load: (options) => backend.load(options),
      infer(request, options) {
        options?.onProgress?.(prefill)
        return backend.infer(request, options)
      },
      [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
    }
    const node = await createHarness({
      backend: telling,
      clock,
      slots: 1,
      limits: { keepAliveMs: 5 },
    })
    const first = await node.open('first')
    await upload(first.stream, count, { remainingMs: 200 })
    const second = await node.open('second')
    await upload(second.stream, count, { remainingMs: 150 })
    const [told, queued] = await Promise.all(
      [first, second].map(async ({ stream }) => {
        const all: (Progress | undefined)[] = []
        for await (const frame of frames(stream)) {
          if (frame.type === 'keepAlive') all.push(frame.progress)
        }
        return all
      }),
    )
    expect(new Set(told)).toContainEqual(prefill)
    expect(queued?.[0]).toEqual({ phase: 'queued', ahead: 1 })
  })

  it('reports work while the engine pauses within an answer', async () => {
    using clock = VirtualClock.flowing()
    const backend = createScriptedBackend({
      script: () => ({ fault: { type: 'stall', afterTokens: 2 } }),
    })
    const node = await createHarness({ backend, clock, limits: { keepAliveMs: 5 } })
    const { stream, handled } = await node.open()
    await upload(stream, count, { remainingMs: 150 })
    const answer = await Array.fromAsync(frames(stream))
    await handled
    const newestChunk = answer.findLastIndex(({ type }) => type === 'chunk')
    const pause = answer.slice(newestChunk + 1, -1)
    expect(pause.length).toBeGreaterThan(20)
    expect(new Set(pause.map((frame) => JSON.stringify(frame)))).toEqual(
      new Set([JSON.stringify({ type: 'keepAlive', progress: { phase: 'working' } })]),
    )
  })

  it('drops a request whose deadline passes in the queue without calling the engine', async () => {
    const gate = Promise.withResolvers<void>()
    using clock = VirtualClock.flowing()
    const backend = createScriptedBackend({ script: () => ({ gate: gate.promise }) })
    const node = await createHarness({ backend, clock, slots: 1 })
    const first = await node.open('first')
    await upload(first.stream, count)
    await until(() => backend.active === 1)
    const second = await node.open('second')
    await upload(second.stream, count, { remainingMs: 60 })
    const answer = await collect(second.stream)
    expect(answer.map(({ type }) => type)).toEqual(['accepted', 'failed'])
    expect(answer.at(-1)).toMatchObject({ error: { code: 'deadline_exceeded' } })
    gate.resolve()
    await collect(first.stream)
    expect(backend.calls).toHaveLength(1)
  })

  it('releases the slot when the engine does not stop', async () => {
    const scripted = createScriptedBackend()
    const hung = new Promise<never>(() => {})
    const backend = {
      description: 'hangs',
      models: () => scripted.models(),
      load: () => scripted.load(),
      infer: () => ({
        [Symbol.asyncIterator]: () => ({ next: () => hung, return: () => hung }),
      }),
      [Symbol.asyncDispose]: async () => {},
    }
    using clock = VirtualClock.flowing()
    const node = await createHarness({
      backend,
      clock,
      limits: { engineStopMs: 20 },
    })
    const { stream } = await node.open()
    await upload(stream, count, { remainingMs: 60 })
    expect((await collect(stream)).at(-1)).toMatchObject({ error: { code: 'deadline_exceeded' } })
    await node.gate.idle()
  })

  it('resets a client that reads nothing for too long, and stops the engine', async () => {
    // With a long name in each chunk, more bytes than the wire takes.
    const id = 'm'.repeat(250)
    const backend = createScriptedBackend({
      models: [{ id, contextLength: 100_000 }],
      script: () => ({ answer: 'word '.repeat(6_000) }),
    })
    const node = await createHarness({
      backend,
      limits: { writeStallMs: 200 },
    })
    const { stream, handled } = await node.open()
    await upload(stream, count, { model: id })
    stream.pause()
    await handled
    await backend.idle()
    expect(backend.calls[0]?.outcome).toBe('aborted')
    expect(stream.status).not.toBe('open')
  })

  it('gives an answer its own deadline, whatever the upload’s was', async () => {
    const gate = Promise.withResolvers<void>()
    const backend = createScriptedBackend({ script: () => ({ gate: gate.promise }) })
    using clock = VirtualClock.flowing()
    const limits = { uploadTimeoutMs: 40, keepAliveMs: 10 }
    const node = await createHarness({ backend, clock, limits })
    const { stream } = await node.open()
    await upload(stream, count)
    const answer: NodeFrame[] = []
    for await (const frame of frames(stream)) {
      answer.push(frame)
      if (answer.length === 20) gate.resolve()
    }
    expect(answer.at(-1)?.type).toBe('done')
  })

  it('releases a slot that was granted to a client already gone', async () => {
    const backend = createScriptedBackend()
    const node = await createHarness({ backend })
    const { stream, handled } = await node.open()
    const enter = node.gate.enter.bind(node.gate)
    node.gate.enter = (request) => {
      const ticket = enter(request)
      node.halt(new InferenceError('draining', 'leaving'))
      return ticket
    }
    await upload(stream, count)
    await handled
    expect(backend.calls).toEqual([])
    expect(node.gate.occupancy).toMatchObject({ inFlight: 0, queueDepth: 0 })
  })

  it('ends running requests with draining when it is stopped at once', async () => {
    const backend = createScriptedBackend({
      script: () => ({ fault: { type: 'stall', afterTokens: 2 } }),
    })
    const node = await createHarness({ backend })
    const { stream, handled } = await node.open()
    await upload(stream, count)
    const answer = collect(stream)
    await until(() => backend.calls[0]?.tokens === 2)
    node.halt(new InferenceError('draining', 'leaving'))
    expect((await answer).at(-1)).toMatchObject({ error: { code: 'draining' } })
    await handled
    await backend.idle()
  })

  it('leaves nothing behind after 1,000 requests with every kind of end', async () => {
    const error = new InferenceError('engine_failed', 'broken')
    const faults: Record<string, Fault> = {
      throw: { type: 'throw', error, afterTokens: 1 },
      stall: { type: 'stall', afterTokens: 1 },
    }
    const backend = createScriptedBackend({
      script: ({ body }) => {
        const fault = 'messages' in body ? faults[String(body.messages[0]?.content)] : undefined
        return fault === undefined ? undefined : { fault }
      },
    })
    // No timer of ours ends by itself within the test.
    const node = await createHarness({
      backend,
      limits: { requestBurstPerPeer: 2_000, lingerMs: 60_000, keepAliveMs: 60_000 },
    })
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const ask = async (kind: string): Promise<void> => {
      const { stream, handled } = await node.open()
      const body = chatBody(kind)
      await upload(stream, kind === 'cut' ? body.subarray(1) : body)
      // A stalled answer would never end: its client leaves.
      if (kind === 'stall') await readUntil(stream, 'chunk')
      else await collect(stream)
      stream.abort(new Error('done'))
      await handled
    }
    for (let round = 0; round < 250; round += 1) {
      await Promise.all(['Count from 1 to 3.', 'throw', 'stall', 'cut'].map(ask))
    }
    await backend.idle()
    await node.gate.idle()
    const outcomes = Map.groupBy(node.served, ({ outcome }) => outcome)
    expect(Object.fromEntries([...outcomes].map(([name, all]) => [name, all.length]))).toEqual({
      answered: 250,
      engine_failed: 250,
      cancelled: 250,
      invalid_request: 250,
    })
    expect(node.memory.usedBytes).toBe(0)
    // The wire of the test has timers of its own, which end by themselves; ours would last for seconds.
    await until(() => timers() <= before)
  })
})

describe('access', () => {
  it.each([
    ['is on the deny list', { deny: ['peer'] }],
    ['is not on the allow list', { allow: ['somebody else'] }],
    ['is on both lists', { allow: ['peer'], deny: ['peer'] }],
  ])('refuses a peer that %s', async (_name, lists) => {
    const backend = createScriptedBackend()
    const node = await createHarness({ backend, ...lists })
    const { stream } = await node.open()
    const sent = upload(stream, count).catch(() => {})
    expect(await collect(stream)).toMatchObject([{ error: { code: 'unauthorized' } }])
    stream.abort(new Error('done'))
    await sent
    expect(backend.calls).toEqual([])
  })

  it('discards the rest of a refused peer’s upload, instead of buffering it', async () => {
    const node = await createHarness({ backend: createScriptedBackend(), deny: ['peer'] })
    const { stream, inbound, handled } = await node.open()
    let unread = 0
    for (let kilobytes = 0; kilobytes < 1_024 && stream.status === 'open'; kilobytes += 64) {
      stream.send(new Uint8Array(65_536))
      await new Promise((resolve) => setImmediate(resolve))
      unread = Math.max(unread, inbound.readBufferLength)
    }
    expect(unread).toBeLessThan(262_144)
    stream.abort(new Error('done'))
    await handled
  })

  it('refuses work with draining or loading', async () => {
    const backend = createScriptedBackend()
    const node = await createHarness({ backend })
    backend.setState('loading')
    await node.status.refresh()
    const loading = await node.open()
    await upload(loading.stream, count)
    expect(await collect(loading.stream)).toMatchObject([
      { error: { code: 'loading', retryAfterMs: 1_000 }, load: { state: 'loading' } },
    ])
    node.status.startDraining()
    const draining = await node.open()
    await upload(draining.stream, count)
    expect(await collect(draining.stream)).toMatchObject([
      { error: { code: 'draining' }, load: { state: 'draining' } },
    ])
  })

  it('limits the streams that one peer has open, not those of others', async () => {
    const gate = Promise.withResolvers<void>()
    const backend = createScriptedBackend({ script: () => ({ gate: gate.promise }) })
    const node = await createHarness({ backend, limits: { maxStreamsPerPeer: 2 } })
    const greedy = await Promise.all([node.open('greedy'), node.open('greedy')])
    await Promise.all(greedy.map(({ stream }) => upload(stream, count)))
    const third = await node.open('greedy')
    expect(await collect(third.stream)).toMatchObject([{ error: { code: 'rate_limited' } }])
    const other = await node.open('other')
    await upload(other.stream, count)
    gate.resolve()
    expect((await collect(other.stream)).at(-1)?.type).toBe('done')
    for (const { stream } of greedy) expect((await collect(stream)).at(-1)?.type).toBe('done')
  })

  it('limits the rate of a peer’s requests, and says when to retry', async () => {
    const backend = createScriptedBackend()
    const limits = { requestBurstPerPeer: 1, requestsPerSecondPerPeer: 0.5 }
    const node = await createHarness({ backend, limits, now: () => 1_000 })
    const first = await node.open()
    await upload(first.stream, count)
    await collect(first.stream)
    const second = await node.open()
    expect(await collect(second.stream)).toMatchObject([
      { error: { code: 'rate_limited', retryAfterMs: 2_000 } },
    ])
  })

  it('refuses with over_capacity when slots and queue are full', async () => {
    const gate = Promise.withResolvers<void>()
    const backend = createScriptedBackend({ script: () => ({ gate: gate.promise }) })
    const node = await createHarness({ backend, slots: 1, limits: { maxQueue: 0 } })
    const first = await node.open('first')
    await upload(first.stream, count)
    await until(() => backend.active === 1)
    expect(node.status.state).toBe('saturated')
    const second = await node.open('second')
    await upload(second.stream, count)
    const [refusal] = await collect(second.stream)
    expect(refusal).toMatchObject({
      error: { code: 'over_capacity' },
      load: { state: 'saturated' },
    })
    gate.resolve()
    await collect(first.stream)
  })
})

describe('the engine’s request', () => {
  it('has the engine’s model name, no more tokens than the operator allows, and one cache group a peer', async () => {
    const backend = createScriptedBackend({ models: [{ id: 'tiny', aliases: ['small'] }] })
    const node = await createHarness({ backend, maxTokens: 5 })
    const bodies = [
      { max_tokens: 100 },
      {},
      { max_completion_tokens: 3 },
      { user: 'me', store: true },
    ]
    for (const more of bodies) {
      const { stream } = await node.open('a peer')
      await upload(stream, chatBody('Count from 1 to 60.', more), { model: 'SMALL:latest' })
      expect((await collect(stream)).at(-1)?.type).toBe('done')
    }
    const given = backend.calls.map(({ request }) => request.body)
    expect(given).toMatchObject(
      [5, 5, 3, 5].map((maxTokens) => ({ model: 'tiny', max_tokens: maxTokens })),
    )
    expect(given[3]).not.toHaveProperty('user')
    expect(backend.calls.map(({ cacheGroup }) => cacheGroup)).toEqual(Array(4).fill('a peer'))
  })

  it('carries the resume point, and is refused for a model that cannot resume', async () => {
    const backend = createScriptedBackend({
      models: [{ id: 'able' }, { id: 'unable', resume: 'none' }],
    })
    const node = await createHarness({ backend })
    const resume = { tokenIds: [], text: '1, 2,', deliveredBytes: 5 }
    const able = await node.open()
    await upload(able.stream, chatBody('Count from 1 to 4.'), { model: 'able', resume })
    await collect(able.stream)
    expect(backend.calls[0]?.resume).toEqual(resume)
    const unable = await node.open()
    await upload(unable.stream, count, { model: 'unable', resume })
    expect(await collect(unable.stream)).toMatchObject([{ error: { code: 'not_resumable' } }])
  })

  it('answers below the ceiling in tokens a second', async () => {
    const backend = createScriptedBackend()
    using clock = VirtualClock.flowing()
    const node = await createHarness({
      backend,
      clock,
      maxTokensPerSecond: 100,
    })
    const { stream } = await node.open()
    await upload(stream, chatBody('Count from 1 to 20.'))
    const answer = await collect(stream)
    const done = answer.at(-1)
    if (done?.type !== 'done') throw new Error('not answered')
    const tokens = done.usage.completionTokens
    // A quarter of a second's worth goes at once.
    const atLeastMs = ((tokens - 26) * 1_000) / 100
    expect(node.served[0]?.durationMs).toBeGreaterThanOrEqual(atLeastMs)
    expect(tokens).toBeGreaterThan(30)
  })
})
