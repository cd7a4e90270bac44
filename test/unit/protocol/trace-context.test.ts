import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import {
  decodeClientFrame,
  encodeClientFrame,
  type Head,
  parseTraceparent,
} from '../../../protocol/index.ts'
import { ClientFrameSchema } from '../../../protocol/skein_pb.ts'

const TRACE = 'ab'.repeat(16)
const SPAN = 'cd'.repeat(8)

describe('a traceparent', () => {
  it.each([
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    // Other flags say nothing of recording.
    [`00-${TRACE}-${SPAN}-02`, false],
    [` 00-${TRACE}-${SPAN}-03 `, true],
    // A later version says more at the end.
    [`01-${TRACE}-${SPAN}-01-more`, true],
  ])('%s is read', (header, isSampled) => {
    expect(parseTraceparent(header)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled })
  })

  it.each([
    '',
    'nonsense',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
  ])('%j is ignored', (header) => {
    expect(parseTraceparent(header)).toBeUndefined()
  })
})

describe('the trace in a head', () => {
  const head: Head = {
    attemptId: new Uint8Array(16).fill(1),
    remainingMs: 1_000,
    kind: 'chat',
    model: 'm',
    bodyBytes: 2,
  }
  const trace = { traceId: TRACE, spanId: SPAN, isSampled: true }

  it('comes over the wire, and is absent without one', () => {
    const frame = { type: 'head', ...head, trace } as const
    expect(decodeClientFrame(encodeClientFrame(frame))).toEqual(frame)
    expect(decodeClientFrame(encodeClientFrame({ type: 'head', ...head }))).not.toHaveProperty(
      'trace',
    )
  })

  it.each([
    ['short', new Uint8Array(15).fill(1)],
    ['long', new Uint8Array(17).fill(1)],
    ['empty', new Uint8Array(0)],
    ['zero', new Uint8Array(16)],
  ])('is malformed with a trace id that is %s', (_, traceId) => {
    const value = { ...head, kind: 1, trace: { traceId, spanId: new Uint8Array(8).fill(1) } }
    const bytes = toBinary(
      ClientFrameSchema,
      create(ClientFrameSchema, { frame: { case: 'head', value: value as never } }),
    )
    expect(() => decodeClientFrame(bytes)).toThrow('trace')
  })
})
