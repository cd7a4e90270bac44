import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeChunkFrame, encodeChunkFrame } from '../../../protocol/codec/chunk-frame.ts'
import { NodeFrameSchema } from '../../../protocol/skein_pb.ts'

const chunks = fc.record({
  type: fc.constant('chunk' as const),
  seq: fc.oneof(fc.constant(0), fc.nat(), fc.integer({ min: 0, max: 0xffff_ffff })),
  json: fc.uint8Array({ maxLength: 300 }),
  tokenIds: fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 200 }),
  logprobs: fc.array(fc.float(), { maxLength: 40 }),
})
const NONE = new Uint8Array()
const attemptIds = fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined })

/** What the protobuf library writes. */
function written(value: typeof chunks extends fc.Arbitrary<infer C> ? C : never, id?: Uint8Array) {
  const { seq, json, tokenIds, logprobs } = value
  return toBinary(
    NodeFrameSchema,
    create(NodeFrameSchema, {
      frame: { case: 'chunk', value: { seq, json, tokenIds, logprobs } },
      ...(id !== undefined && { attemptId: id }),
    }),
  )
}

describe('the frame of a chunk', () => {
  it('is written as the protobuf library writes it', () => {
    fc.assert(
      fc.property(chunks, attemptIds, (chunk, id) => {
        expect(encodeChunkFrame(chunk, id ?? NONE)).toEqual(written(chunk, id))
      }),
    )
  })

  it('is read as the protobuf library reads it', () => {
    fc.assert(
      fc.property(chunks, attemptIds, (chunk, id) => {
        const bytes = written(chunk, id)
        expect(decodeChunkFrame(bytes)).toEqual(chunk)
        if (id !== undefined && id.length > 0) expect(decodeChunkFrame(bytes, id)).toEqual(chunk)
      }),
    )
  })

  it('of another attempt, or of none, is left to the library', () => {
    const chunk = {
      type: 'chunk',
      seq: 1,
      json: new Uint8Array(),
      tokenIds: [],
      logprobs: [],
    } as const
    const id = Uint8Array.of(1, 2, 3)
    for (const other of [undefined, Uint8Array.of(1, 2, 4), Uint8Array.of(1, 2)]) {
      expect(
        decodeChunkFrame(written({ ...chunk, tokenIds: [], logprobs: [] }, other), id),
      ).toBeUndefined()
    }
  })

  it('is refused with a value that its field cannot have', () => {
    const chunk = {
      type: 'chunk',
      seq: 0,
      json: new Uint8Array(),
      tokenIds: [1],
      logprobs: [],
    } as const
    expect(() => encodeChunkFrame({ ...chunk, tokenIds: [-1] }, NONE)).toThrow(RangeError)
    expect(() => encodeChunkFrame({ ...chunk, tokenIds: [1.5] }, NONE)).toThrow(RangeError)
    expect(() => encodeChunkFrame({ ...chunk, seq: 2 ** 32 }, NONE)).toThrow(RangeError)
    expect(() => encodeChunkFrame({ ...chunk, logprobs: [1e300] }, NONE)).toThrow(RangeError)
  })

  it('broken in any way is never read as another than the library reads', () => {
    const broken = fc.tuple(chunks, attemptIds, fc.nat(), fc.nat({ max: 255 }), fc.nat({ max: 4 }))
    fc.assert(
      fc.property(broken, ([chunk, id, where, byte, cut]) => {
        const bytes = written(chunk, id)
        bytes[where % Math.max(1, bytes.length)] = byte
        const part = bytes.subarray(0, Math.max(0, bytes.length - cut))
        const read = decodeChunkFrame(part)
        const named = id && decodeChunkFrame(part, id)
        if (read === undefined) {
          expect(named).toBeUndefined()
          return
        }
        const { frame, attemptId } = fromBinary(NodeFrameSchema, part)
        expect(frame).toMatchObject({ case: 'chunk' })
        const { seq, json, tokenIds, logprobs } = read
        expect(frame.value).toMatchObject({ seq, json, tokenIds, logprobs })
        if (named !== undefined) expect([named, id]).toEqual([read, attemptId])
      }),
      { numRuns: 2_000 },
    )
  })
})
