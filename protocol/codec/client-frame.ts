import { allocUnsafe } from 'uint8arrays/alloc'
import type { ClientFrame, Head, InferenceKind } from '../frames.ts'
import { LIMITS } from '../limits.ts'
import { ClientFrameSchema, Kind } from '../skein_pb.ts'
import { varintBytes } from '../varint.ts'
import { begin, fieldBytes, writeField } from './bytes-field.ts'
import { checkAttempt, decodeMessage, malformed, NOT_NAMED, nameOf } from './message.ts'
import { MessageWriter } from './message-writer.ts'
import { decodeTrace, encodeTrace } from './trace.ts'

const KINDS = {
  chat: Kind.CHAT,
  completion: Kind.COMPLETION,
  embedding: Kind.EMBEDDING,
  score: Kind.SCORE,
} as const satisfies Record<InferenceKind, Kind>

/**
 * Encodes a client frame, without its length prefix.
 *
 * @param attemptId on a kept stream, the attempt that a body belongs to
 */
export function encodeClientFrame(
  frame: ClientFrame,
  attemptId: Uint8Array = NOT_NAMED,
): Uint8Array {
  switch (frame.type) {
    case 'head':
      return encodeHead(frame)
    case 'body':
      return encodeBody(frame.data, attemptId)
    default:
      return frame satisfies never
  }
}

/** Tags of `ClientFrame` and `Body` in skein.proto: field number and wire type. */
const TAG = { body: 0x12, attemptId: 0x7a, data: 0x0a }

/** In one buffer of the right size: a {@link MessageWriter} copies a long field three times. */
function encodeBody(data: Uint8Array, attemptId: Uint8Array): Uint8Array {
  const bodyBytes = fieldBytes(data.length)
  const size = 1 + varintBytes(bodyBytes) + bodyBytes + fieldBytes(attemptId.length)
  const bytes = allocUnsafe(size)
  const at = writeField(bytes, begin(bytes, 0, TAG.body, bodyBytes), TAG.data, data)
  writeField(bytes, at, TAG.attemptId, attemptId)
  return bytes
}

/** Fields by their numbers in skein.proto. */
function encodeHead({
  kind,
  attemptId,
  remainingMs,
  model,
  bodyBytes,
  resume,
  trace,
}: Head): Uint8Array {
  const writer = new MessageWriter()
  writer.open(1).bytes(1, attemptId).number(2, remainingMs).number(3, KINDS[kind])
  writer.text(4, model).number(5, bodyBytes)
  if (resume !== undefined) {
    const { tokenIds, text, deliveredBytes, reasoning = '', tokens = 0 } = resume
    writer.open(6).numbers(1, tokenIds).text(2, text).number(3, deliveredBytes)
    writer.text(4, reasoning).number(5, tokens).close()
  }
  if (trace !== undefined) {
    const { traceId, spanId, sampled } = encodeTrace(trace)
    writer.open(7).bytes(1, traceId).bytes(2, spanId).flag(3, sampled).close()
  }
  return writer.close().finish()
}

/**
 * Decodes a client frame.
 *
 * @param attemptId on a kept stream, the attempt that a body has to belong to
 * @throws InferenceError `malformed` for anything that a correct client cannot send
 */
export function decodeClientFrame(bytes: Uint8Array, attemptId?: Uint8Array): ClientFrame {
  const { frame, attemptId: named } = decodeMessage(ClientFrameSchema, bytes)
  switch (frame.case) {
    case 'head': {
      const { attemptId, remainingMs, model, bodyBytes, resume, trace } = frame.value
      const kind = nameOf(KINDS, frame.value.kind)
      if (kind === undefined) throw malformed('unknown kind')
      if (attemptId.length !== 16) throw malformed('attempt id is not 16 bytes')
      if (model.length === 0 || model.length > LIMITS.maxNameLength) throw malformed('model id')
      if (bodyBytes === 0 || bodyBytes > LIMITS.maxRequestBytes) throw malformed('body size')
      const head = {
        type: 'head' as const,
        attemptId,
        remainingMs: Math.min(remainingMs, LIMITS.maxRemainingMs),
        kind,
        model,
        bodyBytes,
      }
      const traced = trace === undefined ? head : { ...head, trace: decodeTrace(trace) }
      if (resume === undefined) return traced
      const { tokenIds, text, deliveredBytes, reasoning, tokens } = resume
      if (tokenIds.length > LIMITS.maxTokenIds) throw malformed('too many token ids')
      const more = { ...(reasoning !== '' && { reasoning }), ...(tokens > 0 && { tokens }) }
      return { ...traced, resume: { tokenIds, text, deliveredBytes, ...more } }
    }
    case 'body':
      checkAttempt(named, attemptId)
      return { type: 'body', data: frame.value.data }
    case undefined:
      throw malformed('empty client frame')
    default:
      return frame satisfies never
  }
}
