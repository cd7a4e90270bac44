import type { Stream } from '@libp2p/interface'
import fc from 'fast-check'
import { encode } from 'it-length-prefixed'
import { describe, expect, it } from 'vitest'
import { createScriptedBackend } from '../../../backend/index.ts'
import { encodeClientFrame, FrameWriter, LIMITS, type NodeFrame } from '../../../protocol/index.ts'
import { VirtualClock } from '../../../testing/index.ts'
import {
  chatBody,
  collect,
  createHarness,
  type HarnessInit,
  head,
  upload,
} from '../../../testing/swarms/node-harness.ts'
import { type Clock, delay } from '../../../timing/index.ts'

const body = chatBody('Count from 1 to 5.')
const scoreBody = new TextEncoder().encode(
  JSON.stringify({
    model: 'scripted',
    request: { kind: 'completion', body: { model: 'scripted', prompt: 'a' } },
    completion: [1],
  }),
)
const headFrame = (more = {}): Uint8Array =>
  encodeClientFrame({ type: 'head', ...head(body, more) })
const bodyFrame = encodeClientFrame({ type: 'body', data: body })

async function write(stream: Stream, ...parts: Uint8Array[]): Promise<void> {
  const writer = new FrameWriter(stream)
  for (const part of parts) await writer.write(part)
}

/** Runs one hostile upload and returns what the node said. Checks that nothing was asked of the engine. */
async function failureOf(
  send: (stream: Stream, clock: Clock) => Promise<void>,
  init: Omit<HarnessInit, 'backend'> = {},
): Promise<NodeFrame & { type: 'failed' }> {
  const backend = createScriptedBackend()
  using clock = VirtualClock.flowing()
  const node = await createHarness({ backend, clock, ...init })
  const { stream, handled } = await node.open()
  const sent = send(stream, clock)
  const answer = await collect(stream)
  await sent
  stream.abort(new Error('done'))
  await handled
  expect(backend.calls).toEqual([])
  expect(node.memory.usedBytes).toBe(0)
  expect(node.gate.occupancy).toMatchObject({ inFlight: 0, queueDepth: 0 })
  expect(answer).toHaveLength(1)
  const [last] = answer
  if (last?.type !== 'failed') throw new Error(`not a failure: ${last?.type}`)
  return last
}

const table: readonly [
  name: string,
  send: (stream: Stream) => Promise<void>,
  code: string,
  message: RegExp,
][] = [
  [
    'the beginning of a body of too many values, whose rest never comes',
    async (stream) => {
      const data = new TextEncoder().encode(`[${'{},'.repeat(LIMITS.maxJsonContainers)}`)
      await write(stream, headFrame({ bodyBytes: LIMITS.maxRequestBytes }))
      await write(stream, encodeClientFrame({ type: 'body', data }))
    },
    'invalid_request',
    /objects and arrays/,
  ],
  [
    'bytes that are no frame',
    async (stream) => {
      stream.send(new Uint8Array(64).fill(0xff))
    },
    'invalid_request',
    /length/,
  ],
  [
    'a frame that is no protobuf',
    (stream) => write(stream, new Uint8Array([1, 2, 3, 4])),
    'invalid_request',
    /frame/,
  ],
  [
    'a frame that announces more than a frame may have',
    async (stream) => {
      const [prefix] = encode([new Uint8Array(LIMITS.maxFrameBytes + 1)])
      stream.send((prefix as { subarray(): Uint8Array }).subarray().slice(0, 100))
    },
    'invalid_request',
    /length/,
  ],
  ['a body before the head', (stream) => write(stream, bodyFrame), 'invalid_request', /head/],
  [
    'a second head',
    (stream) => write(stream, headFrame(), headFrame()),
    'invalid_request',
    /body belongs/,
  ],
  ['an end before the head', (stream) => stream.close(), 'invalid_request', /no head/],
  [
    'a body cut short',
    async (stream) => {
      await write(stream, headFrame({ bodyBytes: body.byteLength + 1 }), bodyFrame)
      await stream.close()
    },
    'invalid_request',
    /ended after/,
  ],
  [
    'a body longer than announced',
    (stream) => write(stream, headFrame({ bodyBytes: body.byteLength - 1 }), bodyFrame),
    'invalid_request',
    /longer/,
  ],
  [
    'an end inside a frame',
    async (stream) => {
      stream.send(new Uint8Array([10, 1, 2]))
      await stream.close()
    },
    'invalid_request',
    /ended inside/,
  ],
  [
    'a request without time',
    (stream) => write(stream, headFrame({ remainingMs: 0 })),
    'deadline_exceeded',
    /no time/,
  ],
  [
    'an unknown model',
    (stream) => write(stream, headFrame({ model: 'gpt-99' })),
    'model_not_found',
    /gpt-99.*scripted/,
  ],
  [
    'a digest that the model does not have',
    (stream) => write(stream, headFrame({ model: `scripted@sha256:${'0'.repeat(64)}` })),
    'model_not_found',
    /no known digest/,
  ],
  [
    'an invalid digest',
    (stream) => write(stream, headFrame({ model: 'scripted@sha256:42' })),
    'invalid_request',
    /digest/,
  ],
  [
    'a body that is no JSON',
    (stream) => upload(stream, Uint8Array.of(0x7b, 0xff)),
    'invalid_request',
    /JSON/,
  ],
  [
    'a chat sent as an embedding',
    (stream) => upload(stream, body, { kind: 'embedding' }),
    'invalid_request',
    /messages|input/,
  ],
  [
    'a request to score',
    (stream) => upload(stream, scoreBody, { kind: 'score' }),
    'capability_unavailable',
    /score/,
  ],
]

describe('bad uploads', () => {
  it.each(table)('refuses %s with a typed failure', async (_name, send, code, message) => {
    const { error, load } = await failureOf(send)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(load).toMatchObject({ state: 'ready' })
  })

  it.each(['chat_template', 'prompt_embeds', 'kv_transfer_params', 'num_ctx', 'keep_alive'])(
    'refuses %s, which steers an engine, by its name',
    async (field) => {
      const { error } = await failureOf((stream) => upload(stream, chatBody('hi', { [field]: 1 })))
      expect(error.code).toBe('invalid_request')
      expect(error.details.param).toBe(field)
    },
  )

  it.each([
    ['top_k', { top_k: 5 }],
    [
      'vision',
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] },
        ],
      },
    ],
  ])('says that the model does not offer %s', async (param, more) => {
    const { error } = await failureOf((stream) => upload(stream, chatBody('hi', more)))
    expect(error.code).toBe('capability_unavailable')
    expect(error.details.param).toBe(param)
  })

  it('refuses an upload without an end when its time is over', async () => {
    const { error } = await failureOf((stream) => write(stream, headFrame(), bodyFrame), {
      limits: { uploadTimeoutMs: 50 },
    })
    expect(error.code).toBe('deadline_exceeded')
    expect(error.message).toMatch(/upload/)
  })

  it('refuses a silent client when its time is over', async () => {
    const { error } = await failureOf(async () => {}, { limits: { uploadTimeoutMs: 50 } })
    expect(error.code).toBe('deadline_exceeded')
  })

  it('refuses a body that drips for ever when its time is over', async () => {
    const { error } = await failureOf(
      async (stream, clock) => {
        const writer = new FrameWriter(stream)
        await writer.write(headFrame({ bodyBytes: 1_000_000 }))
        const drop = encodeClientFrame({ type: 'body', data: Uint8Array.of(32) })
        while (stream.status === 'open') {
          await writer.write(drop).catch(() => {})
          await delay(1, { clock })
        }
      },
      { limits: { uploadTimeoutMs: 50, uploadBytesPerSecond: 1e9 } },
    )
    expect(error.code).toBe('deadline_exceeded')
  })

  it('reserves memory for bytes that arrive, and releases it', async () => {
    const backend = createScriptedBackend()
    const node = await createHarness({
      backend,
      limits: { maxMemoryBytes: 8 * LIMITS.maxFrameBytes },
    })
    const { stream, handled } = await node.open()
    const sent = upload(stream, chatBody('word '.repeat(500), { user: 'x'.repeat(600_000) }))
    expect((await collect(stream)).at(-1)?.type).toBe('done')
    await sent
    await handled
    expect(node.memory.usedBytes).toBe(0)
  })

  it('reserves no memory for announced bodies and withheld heads', async () => {
    const node = await createHarness({ backend: createScriptedBackend() })
    for (let n = 0; n < 20; n += 1) {
      const { stream } = await node.open()
      if (n % 2 === 0) await write(stream, headFrame({ bodyBytes: LIMITS.maxRequestBytes }))
    }
    const { stream, handled } = await node.open()
    const sent = upload(stream, chatBody('hello'))
    expect((await collect(stream)).at(-1)?.type).toBe('done')
    await Promise.all([sent, handled])
    expect(node.memory.usedBytes).toBeLessThan(LIMITS.bodyFrameBytes)
  })

  it('refuses a body beyond the node’s memory, and keeps no part of it', async () => {
    const { error } = await failureOf(
      async (stream, clock) => {
        const writer = new FrameWriter(stream)
        await writer.write(headFrame({ bodyBytes: LIMITS.maxRequestBytes }))
        const data = new Uint8Array(LIMITS.bodyFrameBytes)
        while (stream.status === 'open') {
          await writer.write(encodeClientFrame({ type: 'body', data })).catch(() => {})
          await delay(1, { clock })
        }
      },
      { limits: { maxMemoryBytes: 2_000_000 } },
    )
    expect(error.code).toBe('over_capacity')
    expect(error.retryAfterMs).toBeGreaterThan(0)
  })

  it('ends on arbitrary bytes with one failure or a reset, without calling the engine', {
    timeout: 30_000,
  }, async () => {
    const backend = createScriptedBackend()
    const limits = { uploadTimeoutMs: 1_000, lingerMs: 50 }
    using clock = VirtualClock.flowing()
    const node = await createHarness({ backend, clock, limits })
    const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 })
    const framed = fc.boolean()
    await fc.assert(
      fc.asyncProperty(chunks, framed, async (parts, asFrames) => {
        const { stream, handled } = await node.open()
        for (const part of parts) {
          if (asFrames) stream.send(encode.single(part).subarray())
          else if (part.length > 0) stream.send(part)
        }
        await stream.close().catch(() => {})
        const answer = await collect(stream).catch(() => [])
        await handled
        expect(answer.filter(({ type }) => type !== 'failed')).toEqual([])
        expect(answer.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 200 },
    )
    expect(backend.calls).toEqual([])
    expect(node.memory.usedBytes).toBe(0)
  })
})
