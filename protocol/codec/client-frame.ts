import { create, toBinary } from '@bufbuild/protobuf'
import type { ClientFrame, InferenceKind, Resume } from '../frames.ts'
import { LIMITS } from '../limits.ts'
import { ClientFrameSchema, Kind } from '../skein_pb.ts'
import { checkAttempt, decodeMessage, malformed, nameOf } from './message.ts'
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
export function encodeClientFrame(frame: ClientFrame, attemptId?: Uint8Array): Uint8Array {
  switch (frame.type) {
    case 'head': {
      const { attemptId, remainingMs, model, bodyBytes, resume, trace } = frame
      const value = { attemptId, remainingMs, kind: KINDS[frame.kind], model, bodyBytes }
      const head = {
        ...value,
        ...(resume !== undefined && { resume: copyResume(resume) }),
        ...(trace !== undefined && { trace: encodeTrace(trace) }),
      }
      return toBinary(
        ClientFrameSchema,
        create(ClientFrameSchema, { frame: { case: 'head', value: head } }),
      )
    }
    case 'body':
      return toBinary(
        ClientFrameSchema,
        create(ClientFrameSchema, {
          frame: { case: 'body', value: { data: frame.data } },
          ...(attemptId !== undefined && { attemptId }),
        }),
      )
    default:
      return frame satisfies never
  }
}

const copyResume = ({ tokenIds, text, deliveredBytes, reasoning = '', tokens = 0 }: Resume) => ({
  tokenIds: [...tokenIds],
  text,
  deliveredBytes,
  reasoning,
  tokens,
})

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
