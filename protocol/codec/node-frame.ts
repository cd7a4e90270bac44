import { create, toBinary } from '@bufbuild/protobuf'
import { defined } from '../defined.ts'
import type { NodeFrame } from '../frames.ts'
import { LIMITS } from '../limits.ts'
import { NodeFrameSchema } from '../skein_pb.ts'
import { decodeChunkFrame, encodeChunkFrame } from './chunk-frame.ts'
import { failureFromPeer } from './failure.ts'
import { loadFromMessage, loadToMessage } from './load.ts'
import { checkAttempt, decodeMessage, malformed } from './message.ts'
import { progressFromMessage, progressToMessage } from './progress.ts'

/**
 * Encodes a node frame, without its length prefix. Of an error, only code, message and numbers are sent.
 *
 * @param attemptId on a kept stream, the attempt that the frame belongs to
 */
export function encodeNodeFrame(frame: NodeFrame, attemptId?: Uint8Array): Uint8Array {
  const chunk = frame.type === 'chunk' ? encodeChunkFrame(frame, attemptId) : undefined
  if (chunk !== undefined) return chunk
  return toBinary(
    NodeFrameSchema,
    create(NodeFrameSchema, {
      frame: nodeFrameInit(frame),
      ...(attemptId !== undefined && { attemptId }),
    }),
  )
}

function nodeFrameInit(
  frame: NodeFrame,
): NonNullable<Parameters<typeof create<typeof NodeFrameSchema>>[1]>['frame'] & object {
  switch (frame.type) {
    case 'accepted': {
      const { queuePosition, expectedTtftMs, digest } = frame
      return { case: 'accepted', value: { queuePosition, expectedTtftMs, digest } }
    }
    case 'keepAlive':
      return { case: 'keepAlive', value: progressToMessage(frame.progress) }
    case 'chunk': {
      const { seq, json } = frame
      const tokenIds = [...frame.tokenIds]
      return { case: 'chunk', value: { seq, json, tokenIds, logprobs: [...frame.logprobs] } }
    }
    case 'done': {
      const { usage, timings, load, asMessage = false } = frame
      return { case: 'done', value: { usage, timings, load: loadToMessage(load), asMessage } }
    }
    case 'failed': {
      const { code, message, retryAfterMs, details } = frame.error
      const { promptTokens, contextLength } = frame.error.detailsOf('context_too_long')
      return {
        case: 'failed',
        value: {
          code,
          message: message.slice(0, LIMITS.maxMessageLength),
          ...(retryAfterMs !== undefined && { retryAfterMs: Math.ceil(retryAfterMs) }),
          ...defined({ promptTokens, contextLength, param: details.param }),
          ...(frame.load !== undefined && { load: loadToMessage(frame.load) }),
        },
      }
    }
    default:
      return frame satisfies never
  }
}

/**
 * Decodes a node frame.
 *
 * @param attemptId on a kept stream, the attempt that the frame has to belong to
 * @throws InferenceError `malformed` for anything that a correct node cannot send
 */
export function decodeNodeFrame(bytes: Uint8Array, attemptId?: Uint8Array): NodeFrame {
  const chunk = decodeChunkFrame(bytes)
  if (chunk !== undefined) {
    checkAttempt(chunk.attemptId, attemptId)
    return checkedChunk(chunk)
  }
  const { frame, attemptId: named } = decodeMessage(NodeFrameSchema, bytes)
  checkAttempt(named, attemptId)
  switch (frame.case) {
    case 'accepted': {
      const { queuePosition, expectedTtftMs, digest } = frame.value
      return { type: 'accepted', queuePosition, expectedTtftMs, digest }
    }
    case 'keepAlive': {
      const progress = progressFromMessage(frame.value)
      return { type: 'keepAlive', ...(progress !== undefined && { progress }) }
    }
    case 'chunk':
      return checkedChunk(frame.value)
    case 'done': {
      const { usage, timings, load, asMessage } = frame.value
      if (usage === undefined || timings === undefined) throw malformed('done without usage')
      const { promptTokens, completionTokens, cachedPromptTokens, reasoningTokens } = usage
      const { queueMs, prefillMs, decodeMs } = timings
      return {
        type: 'done',
        usage: {
          ...{ promptTokens, completionTokens, cachedPromptTokens },
          ...(reasoningTokens > 0 && { reasoningTokens }),
        },
        timings: { queueMs, prefillMs, decodeMs },
        load: loadFromMessage(load),
        ...(asMessage && { asMessage }),
      }
    }
    case 'failed': {
      const error = failureFromPeer(frame.value)
      const { load } = frame.value
      return load === undefined
        ? { type: 'failed', error }
        : { type: 'failed', error, load: loadFromMessage(load) }
    }
    case undefined:
      throw malformed('empty node frame')
    default:
      return frame satisfies never
  }
}

function checkedChunk({
  seq,
  json,
  tokenIds,
  logprobs,
}: Omit<Extract<NodeFrame, { type: 'chunk' }>, 'type'>): NodeFrame {
  if (tokenIds.length > LIMITS.maxTokenIds) throw malformed('too many token ids')
  if (logprobs.length > 0 && logprobs.length !== tokenIds.length) {
    throw malformed('logprobs without their tokens')
  }
  return { type: 'chunk', seq, json, tokenIds, logprobs }
}
