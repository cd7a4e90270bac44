import { fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ClientFrame,
  decodeAdvertisementRequest,
  decodeAdvertisementResponse,
  decodeClientFrame,
  decodeNodeFrame,
  decodeProbeResponse,
  ERROR_TABLE,
  type ErrorCode,
  encodeClientFrame,
  encodeNodeFrame,
  encodeProbeResponse,
  InferenceError,
  LIMITS,
  type Load,
  type NodeFrame,
  type Progress,
} from '../../../protocol/index.ts'
import { ClientFrameSchema, NodeFrameSchema } from '../../../protocol/skein_pb.ts'

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const name = fc.string({ minLength: 1, maxLength: 64 })

const load: fc.Arbitrary<Load> = fc.record({
  state: fc.constantFrom('loading', 'ready', 'draining', 'saturated'),
  inFlight: uint32,
  slots: uint32,
  queueDepth: uint32,
  expectedTtftMs: uint32,
})

const clientFrame: fc.Arbitrary<ClientFrame> = fc.oneof(
  fc.record(
    {
      type: fc.constant('head' as const),
      attemptId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      remainingMs: fc.integer({ min: 0, max: LIMITS.maxRemainingMs }),
      kind: fc.constantFrom('chat', 'completion', 'embedding', 'score'),
      model: name,
      bodyBytes: fc.integer({ min: 1, max: LIMITS.maxRequestBytes }),
      resume: fc.record({
        tokenIds: fc.array(uint32, { maxLength: 50 }),
        text: fc.string({ unit: 'grapheme' }),
        deliveredBytes: uint32,
      }),
      trace: fc.record({
        traceId: fc.constantFrom('0af7651916cd43dd8448eb211c80319c'),
        spanId: fc.constantFrom('b7ad6b7169203331'),
        isSampled: fc.boolean(),
      }),
    },
    { requiredKeys: ['type', 'attemptId', 'remainingMs', 'kind', 'model', 'bodyBytes'] },
  ),
  fc.record({ type: fc.constant('body' as const), data: fc.uint8Array() }),
)

const peerCodes = (Object.keys(ERROR_TABLE) as ErrorCode[]).filter(
  (code) => ERROR_TABLE[code].fromPeer,
)

const progress: fc.Arbitrary<Progress> = fc.oneof(
  fc.record({ phase: fc.constant('queued' as const), ahead: uint32 }),
  fc.constant({ phase: 'loading' as const }),
  fc.nat({ max: 1_000 }).map((done) => ({ phase: 'loading' as const, share: done / 1_000 })),
  fc
    .tuple(uint32, uint32)
    .map(([a, b]) => ({ phase: 'prefill' as const, tokens: Math.min(a, b), of: Math.max(a, b) })),
  fc.constant({ phase: 'working' as const }),
)

const nodeFrame: fc.Arbitrary<NodeFrame> = fc.oneof(
  fc.record({
    type: fc.constant('accepted' as const),
    queuePosition: uint32,
    expectedTtftMs: uint32,
    digest: fc.string(),
  }),
  fc.constant({ type: 'keepAlive' as const }),
  progress.map((now) => ({ type: 'keepAlive' as const, progress: now })),
  fc
    .array(fc.tuple(uint32, fc.float({ noNaN: true, noDefaultInfinity: true })), { maxLength: 20 })
    .chain((tokens) =>
      fc.record({
        type: fc.constant('chunk' as const),
        seq: uint32,
        json: fc.uint8Array(),
        tokenIds: fc.constant(tokens.map(([id]) => id)),
        logprobs: fc.constant(tokens.map(([, logprob]) => logprob)),
      }),
    ),
  fc.record(
    {
      type: fc.constant('done' as const),
      usage: fc.record({
        promptTokens: uint32,
        completionTokens: uint32,
        cachedPromptTokens: uint32,
      }),
      timings: fc.record({ queueMs: uint32, prefillMs: uint32, decodeMs: uint32 }),
      load,
      asMessage: fc.constant(true as const),
    },
    { requiredKeys: ['type', 'usage', 'timings', 'load'] },
  ),
)

const failed: fc.Arbitrary<NodeFrame> = fc
  .record({
    code: fc.constantFrom(...peerCodes),
    message: fc.string(),
    more: fc.record(
      { retryAfterMs: uint32, details: fc.record({ param: fc.string() }, { requiredKeys: [] }) },
      { requiredKeys: [] },
    ),
    load: fc.option(load, { nil: undefined }),
  })
  .map(({ code, message, more, load: known }) => ({
    type: 'failed' as const,
    error: new InferenceError(code, message, more),
    ...(known !== undefined && { load: known }),
  }))

/** Runs a decoder over hostile bytes: it returns, or throws `malformed`. Anything else fails the test. */
function expectTyped(decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    if (!InferenceError.is(error, 'malformed')) throw error
  }
}

describe('frames', () => {
  it('survive a round trip', () => {
    fc.assert(
      fc.property(clientFrame, (frame) => {
        expect(decodeClientFrame(encodeClientFrame(frame))).toEqual(frame)
      }),
    )
    fc.assert(
      fc.property(nodeFrame, (frame) => {
        expect(decodeNodeFrame(encodeNodeFrame(frame))).toEqual(frame)
      }),
    )
    fc.assert(
      fc.property(load, (value) => {
        expect(decodeProbeResponse(encodeProbeResponse(value))).toEqual(value)
      }),
    )
  })

  it.each(peerCodes)('carry %s with its message, wait and details', (code) => {
    const sizes = code === 'context_too_long' ? { promptTokens: 900, contextLength: 768 } : {}
    const error = new InferenceError(code, 'why', {
      cause: new Error('stays here'),
      retryAfterMs: 1500,
      details: { ...sizes, param: 'model' },
    })
    const frame = decodeNodeFrame(encodeNodeFrame({ type: 'failed', error }))
    if (frame.type !== 'failed') throw new Error(frame.type)
    expect(frame.error).toMatchObject({ code, message: 'why', retryAfterMs: 1500 })
    expect(frame.error.details).toEqual(error.details)
    expect(frame.error.cause).toBeUndefined()
  })

  it('are written as the protobuf library writes them', () => {
    const ids = fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined })
    fc.assert(
      fc.property(clientFrame, ids, (frame, id) => {
        const written = encodeClientFrame(frame, id)
        const message = fromBinary(ClientFrameSchema, written)
        expect(written).toEqual(toBinary(ClientFrameSchema, message))
        if (frame.type === 'body') expect(message.attemptId).toEqual(id ?? new Uint8Array())
      }),
    )
    fc.assert(
      fc.property(fc.oneof(nodeFrame, failed), ids, (frame, id) => {
        const written = encodeNodeFrame(frame, id)
        const message = fromBinary(NodeFrameSchema, written)
        expect(written).toEqual(toBinary(NodeFrameSchema, message))
        expect(message.attemptId).toEqual(id ?? new Uint8Array())
      }),
    )
  })

  it('refuse a code that only the receiver can find', () => {
    for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
      const bytes = encodeNodeFrame({ type: 'failed', error: new InferenceError(code, '') })
      if (ERROR_TABLE[code].fromPeer) expect(decodeNodeFrame(bytes).type).toBe('failed')
      else expect(() => decodeNodeFrame(bytes)).toThrow(/cannot send/)
    }
  })

  it('cap the wait that a peer asks for', () => {
    const error = new InferenceError('over_capacity', '', { retryAfterMs: 3_000_000 })
    const frame = decodeNodeFrame(encodeNodeFrame({ type: 'failed', error }))
    expect(frame).toMatchObject({ error: { retryAfterMs: LIMITS.maxRetryAfterMs } })
  })

  it.each([
    ['a short attempt id', { attemptId: new Uint8Array(15) }],
    ['no model', { model: '' }],
    ['a model name beyond the limit', { model: 'm'.repeat(LIMITS.maxNameLength + 1) }],
    ['no body', { bodyBytes: 0 }],
    ['a body beyond the limit', { bodyBytes: LIMITS.maxRequestBytes + 1 }],
  ])('refuse a head with %s', (_, change) => {
    const head = {
      type: 'head' as const,
      attemptId: new Uint8Array(16),
      remainingMs: 1000,
      kind: 'chat' as const,
      model: 'm',
      bodyBytes: 1,
      ...change,
    }
    expect(() => decodeClientFrame(encodeClientFrame(head))).toThrow(InferenceError)
  })

  it('of any bytes are decoded or refused as malformed', () => {
    const decoders = [
      decodeClientFrame,
      decodeNodeFrame,
      decodeProbeResponse,
      decodeAdvertisementRequest,
      decodeAdvertisementResponse,
    ]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => {
        for (const decode of decoders) expectTyped(() => decode(bytes))
      }),
      { numRuns: 2000 },
    )
  })

  it('with flipped bytes are decoded or refused as malformed', () => {
    fc.assert(
      fc.property(clientFrame, nodeFrame, fc.nat(), fc.nat(255), (client, node, at, value) => {
        for (const [bytes, decode] of [
          [encodeClientFrame(client), decodeClientFrame],
          [encodeNodeFrame(node), decodeNodeFrame],
        ] as const) {
          if (bytes.length === 0) continue
          bytes[at % bytes.length] = value
          expectTyped(() => decode(bytes))
        }
      }),
      { numRuns: 1000 },
    )
  })
})
