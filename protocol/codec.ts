import {
  create,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { equals } from 'uint8arrays/equals'
import { isErrorCode } from './error-table.ts'
import { type ErrorDetails, InferenceError } from './errors.ts'
import type { ClientFrame, InferenceKind, Load, NodeFrame, NodeState, Resume } from './frames.ts'
import { LIMITS } from './limits.ts'
import { plainLine } from './plain-text.ts'
import type { Progress } from './progress.ts'
import {
  ClientFrameSchema,
  type Failed as FailedMessage,
  type KeepAlive as KeepAliveMessage,
  Kind,
  type Load as LoadMessage,
  NodeFrameSchema,
  Phase,
  ProbeResponseSchema,
  State,
} from './skein_pb.ts'

const KINDS = {
  chat: Kind.CHAT,
  completion: Kind.COMPLETION,
  embedding: Kind.EMBEDDING,
  score: Kind.SCORE,
} as const satisfies Record<InferenceKind, Kind>

const STATES = {
  loading: State.LOADING,
  ready: State.READY,
  draining: State.DRAINING,
  saturated: State.SATURATED,
} as const satisfies Record<NodeState, State>

function nameOf<T extends string>(
  table: Readonly<Record<T, number>>,
  value: number,
): T | undefined {
  return (Object.keys(table) as T[]).find((name) => table[name] === value)
}

const malformed = (what: string, cause?: unknown): InferenceError =>
  new InferenceError('malformed', `malformed frame: ${what}`, { cause })

/** Decodes protobuf bytes from a peer. @throws InferenceError `malformed` */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    throw malformed(`not a ${schema.name}`, cause)
  }
}

function loadToMessage(load: Load): Omit<LoadMessage, '$typeName' | '$unknown'> {
  return {
    state: STATES[load.state],
    inFlight: load.inFlight,
    slots: load.slots,
    queueDepth: load.queueDepth,
    expectedTtftMs: load.expectedTtftMs,
  }
}

function loadFromMessage(message: LoadMessage | undefined): Load {
  const state = nameOf(STATES, message?.state ?? State.UNSPECIFIED)
  if (message === undefined || state === undefined) throw malformed('no load')
  const { inFlight, slots, queueDepth, expectedTtftMs } = message
  return { state, inFlight, slots, queueDepth, expectedTtftMs }
}

/**
 * Encodes a client frame, without its length prefix.
 *
 * @param attemptId on a kept stream, the attempt that a body belongs to
 */
export function encodeClientFrame(frame: ClientFrame, attemptId?: Uint8Array): Uint8Array {
  switch (frame.type) {
    case 'head': {
      const { attemptId, remainingMs, model, bodyBytes, resume } = frame
      const value = { attemptId, remainingMs, kind: KINDS[frame.kind], model, bodyBytes }
      const head = resume === undefined ? value : { ...value, resume: copyResume(resume) }
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
      const { attemptId, remainingMs, model, bodyBytes, resume } = frame.value
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
      if (resume === undefined) return head
      const { tokenIds, text, deliveredBytes, reasoning, tokens } = resume
      if (tokenIds.length > LIMITS.maxTokenIds) throw malformed('too many token ids')
      const more = { ...(reasoning !== '' && { reasoning }), ...(tokens > 0 && { tokens }) }
      return { ...head, resume: { tokenIds, text, deliveredBytes, ...more } }
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

/** An answer must not bleed into another: on a kept stream every frame names its attempt. */
function checkAttempt(named: Uint8Array, attemptId: Uint8Array | undefined): void {
  if (attemptId === undefined || equals(named, attemptId)) return
  throw malformed('it belongs to another attempt')
}

/**
 * Encodes a node frame, without its length prefix. Of an error, only code, message and numbers are sent.
 *
 * @param attemptId on a kept stream, the attempt that the frame belongs to
 */
export function encodeNodeFrame(frame: NodeFrame, attemptId?: Uint8Array): Uint8Array {
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
      const { usage, timings, load } = frame
      return { case: 'done', value: { usage, timings, load: loadToMessage(load) } }
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
          ...(promptTokens !== undefined && { promptTokens }),
          ...(contextLength !== undefined && { contextLength }),
          ...(details.param !== undefined && { param: details.param }),
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
      if (tokenIds.length > LIMITS.maxTokenIds) throw malformed('too many token ids')
      if (logprobs.length > 0 && logprobs.length !== tokenIds.length) {
        throw malformed('logprobs without their tokens')
      }
      return { type: 'chunk', seq, json, tokenIds, logprobs }
    }
    case 'done': {
      const { usage, timings, load } = frame.value
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

/** `loading` is sent in thousandths. */
const LOADING_TOTAL = 1_000

function progressToMessage(progress: Progress | undefined): {
  phase?: Phase
  done?: number
  total?: number
} {
  switch (progress?.phase) {
    case undefined:
      return {}
    case 'queued':
      return { phase: Phase.QUEUED, done: progress.ahead }
    case 'loading': {
      const { share } = progress
      if (share === undefined) return { phase: Phase.LOADING }
      const done = Math.round(Math.min(1, Math.max(0, share)) * LOADING_TOTAL)
      return { phase: Phase.LOADING, done, total: LOADING_TOTAL }
    }
    case 'prefill':
      return { phase: Phase.PREFILL, done: progress.tokens, total: progress.of }
    case 'working':
      return { phase: Phase.WORKING }
    default:
      return progress satisfies never
  }
}

/** Unknown phases of later versions decode as `working`. */
function progressFromMessage({ phase, done, total }: KeepAliveMessage): Progress | undefined {
  switch (phase) {
    case Phase.UNSPECIFIED:
      return undefined
    case Phase.QUEUED:
      return { phase: 'queued', ahead: done }
    case Phase.LOADING:
      return total === 0 || done > total
        ? { phase: 'loading' }
        : { phase: 'loading', share: done / total }
    case Phase.PREFILL:
      return done > total ? { phase: 'working' } : { phase: 'prefill', tokens: done, of: total }
    default:
      return { phase: 'working' }
  }
}

/** Decodes a peer's failure, with its message truncated. A code reserved for the receiver breaks the protocol. */
function failureFromPeer(message: FailedMessage): InferenceError {
  const { code, param, retryAfterMs } = message
  if (!isErrorCode(code)) throw malformed('unknown error code')
  const text = plainLine(message.message.slice(0, LIMITS.maxMessageLength))
  const error = new InferenceError(code, text, {
    ...(retryAfterMs !== undefined && {
      retryAfterMs: Math.min(retryAfterMs, LIMITS.maxRetryAfterMs),
    }),
    details: {
      ...(code === 'context_too_long' && sizesOf(message)),
      ...(param !== undefined && { param: plainLine(param.slice(0, LIMITS.maxNameLength)) }),
    },
  })
  if (!error.traits.fromPeer) throw malformed(`a peer cannot send ${code}`)
  return error
}

/** Token counts of a prompt that is too long. Fields of other codes are ignored. */
function sizesOf({ promptTokens, contextLength }: FailedMessage): ErrorDetails<'context_too_long'> {
  return {
    ...(promptTokens !== undefined && { promptTokens }),
    ...(contextLength !== undefined && { contextLength }),
  }
}

/** Encodes the one frame that answers a probe. */
export function encodeProbeResponse(load: Load): Uint8Array {
  return toBinary(ProbeResponseSchema, create(ProbeResponseSchema, { load: loadToMessage(load) }))
}

/** Decodes the answer to a probe. @throws InferenceError `malformed` */
export function decodeProbeResponse(bytes: Uint8Array): Load {
  return loadFromMessage(decodeMessage(ProbeResponseSchema, bytes).load)
}
