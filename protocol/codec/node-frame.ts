import type { Load, NodeFrame } from '../frames.ts'
import { LIMITS } from '../limits.ts'
import { NodeFrameSchema } from '../skein_pb.ts'
import { decodeChunkFrame, encodeChunkFrame } from './chunk-frame.ts'
import { failureFromPeer } from './failure.ts'
import { loadFromMessage, loadToMessage } from './load.ts'
import { checkAttempt, decodeMessage, malformed, NOT_NAMED } from './message.ts'
import { MessageWriter } from './message-writer.ts'
import { progressFromMessage, progressToMessage } from './progress.ts'

/**
 * Encodes a node frame, without its length prefix. Of an error, only code, message and numbers are sent.
 *
 * @param attemptId on a kept stream, the attempt that the frame belongs to
 */
export function encodeNodeFrame(frame: NodeFrame, attemptId: Uint8Array = NOT_NAMED): Uint8Array {
  if (frame.type === 'chunk') return encodeChunkFrame(frame, attemptId)
  const writer = new MessageWriter()
  writeFrame(writer, frame)
  return writer.bytes(15, attemptId).finish()
}

/** Fields by their numbers in skein.proto. */
function writeFrame(writer: MessageWriter, frame: Exclude<NodeFrame, { type: 'chunk' }>): void {
  switch (frame.type) {
    case 'accepted': {
      const { queuePosition, expectedTtftMs, digest } = frame
      writer.open(1).number(1, queuePosition).number(2, expectedTtftMs).text(3, digest).close()
      return
    }
    case 'keepAlive': {
      const { phase = 0, done = 0, total = 0 } = progressToMessage(frame.progress)
      writer.open(2).number(1, phase).number(2, done).number(3, total).close()
      return
    }
    case 'done': {
      const { usage, timings, load, asMessage = false } = frame
      writer.open(4)
      writer.open(1).number(1, usage.promptTokens).number(2, usage.completionTokens)
      writer
        .number(3, usage.cachedPromptTokens)
        .number(4, usage.reasoningTokens ?? 0)
        .close()
      writer.open(2).number(1, timings.queueMs).number(2, timings.prefillMs)
      writer.number(3, timings.decodeMs).close()
      writeLoad(writer, 3, load)
      writer.flag(4, asMessage).close()
      return
    }
    case 'failed': {
      const { code, message, retryAfterMs, details } = frame.error
      const { promptTokens, contextLength } = frame.error.detailsOf('context_too_long')
      writer.open(5).text(1, code).text(2, message.slice(0, LIMITS.maxMessageLength))
      writer.optionalNumber(3, retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs))
      if (frame.load !== undefined) writeLoad(writer, 4, frame.load)
      writer.optionalNumber(5, promptTokens).optionalNumber(6, contextLength)
      writer.optionalText(7, details.param).close()
      return
    }
    default:
      frame satisfies never
  }
}

function writeLoad(writer: MessageWriter, field: number, load: Load): void {
  const { state, inFlight, slots, queueDepth, expectedTtftMs } = loadToMessage(load)
  writer.open(field).number(1, state).number(2, inFlight).number(3, slots)
  writer.number(4, queueDepth).number(5, expectedTtftMs).close()
}

/**
 * Decodes a node frame.
 *
 * @param attemptId on a kept stream, the attempt that the frame has to belong to
 * @throws InferenceError `malformed` for anything that a correct node cannot send
 */
export function decodeNodeFrame(bytes: Uint8Array, attemptId?: Uint8Array): NodeFrame {
  const chunk = decodeChunkFrame(bytes, attemptId)
  if (chunk !== undefined) return checkedChunk(chunk)
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
    case 'chunk': {
      const { seq, json, tokenIds, logprobs } = frame.value
      return checkedChunk({ type: 'chunk', seq, json, tokenIds, logprobs })
    }
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

function checkedChunk(chunk: Extract<NodeFrame, { type: 'chunk' }>): NodeFrame {
  const { tokenIds, logprobs } = chunk
  if (tokenIds.length > LIMITS.maxTokenIds) throw malformed('too many token ids')
  if (logprobs.length > 0 && logprobs.length !== tokenIds.length) {
    throw malformed('logprobs without their tokens')
  }
  return chunk
}
