import {
  type ChatDelta,
  type FinishReason,
  InferenceError,
  type TokenLogprob,
} from '../../protocol/index.ts'
import type { BackendChunk, BackendDone } from '../backend.ts'
import { failureIn } from '../http/index.ts'
import { completionShape, tokenLogprobs } from '../logprobs.ts'
import {
  countAt,
  finishReasonAt,
  fittingFinish,
  flagAt,
  type Json,
  noteUnread,
  reasoningAt,
  recordAt,
  recordIn,
  requireRead,
  ToolCallReader,
  textAt,
} from '../shapes/index.ts'

/** The stream so far, and its end once it has arrived. */
export interface AnswerState {
  readonly toolCalls: ToolCallReader
  /** Fields with something in them, of undocumented names. */
  readonly unread: Set<string>
  /** Nothing of an answer has come. */
  isEmpty: boolean
  done: BackendDone | undefined
  /** Time that loading the model took, in milliseconds; a loaded one is found in a few. */
  loadMs: number
}

interface Shape {
  readonly kind: 'chat' | 'completion'
  readonly model: string
  /** The endpoint that answers; a chat may be answered by either. */
  readonly form: 'chat' | 'generate'
}

export function emptyState(): AnswerState {
  return {
    toolCalls: new ToolCallReader(),
    unread: new Set(),
    isEmpty: true,
    done: undefined,
    loadMs: 0,
  }
}

/**
 * Converts one line of the stream to a chunk; undefined if it adds nothing. The last line also sets `state.done`.
 *
 * @throws InferenceError for a failure that Ollama reports; `engine_failed` for a field of an undocumented shape
 */
export function readLine(line: string, shape: Shape, state: AnswerState): BackendChunk | undefined {
  const record = recordIn(line)
  const failure = failureIn(record, line)
  if (failure !== undefined) throw failure
  const { done, done_reason: reason, logprobs, load_duration: loadDuration } = record
  const isDone = flagAt(done, 'done') === true
  const reported = isDone ? readFinish(reason) : null
  const delta = shape.form === 'chat' ? chatDelta(record, reported, state) : textDelta(record)
  const finish = fittingFinish(reported, state.toolCalls.hasCalls)
  if (isDone) {
    state.done = readEnd(record)
    state.loadMs = milliseconds(loadDuration, 'load_duration')
  }
  const tokens = tokenLogprobs(logprobs, 'logprobs')
  if (Object.keys(delta).length > 0) state.isEmpty = false
  if (finish === 'stop' && state.isEmpty) requireRead(state.unread)
  if (Object.keys(delta).length === 0 && finish === null && tokens.length === 0) return undefined
  const json =
    shape.kind === 'chat'
      ? chatChunk(shape.model, delta, finish, tokens)
      : completionChunk(shape.model, delta.content ?? '', finish, tokens)
  return { type: 'chunk', json, tokenIds: [], logprobs: [] }
}

function chatDelta({ message }: Json, finish: FinishReason | null, state: AnswerState): ChatDelta {
  const { toolCalls } = state
  const spoken = recordAt(message, 'message')
  const { content, tool_calls: calls } = spoken
  noteUnread(spoken, 'message', state.unread)
  const text = textAt(content, 'message.content')
  // `thinking`; servers with Ollama's API have other names.
  const thought = reasoningAt(spoken, 'message')
  const tools = toolCalls.take(calls, 'message.tool_calls')
  if (finish !== null) tools.push(...toolCalls.end(finish))
  return {
    ...(text !== '' && { content: text }),
    ...(thought !== '' && { reasoning_content: thought }),
    ...(tools.length > 0 && { tool_calls: tools }),
  }
}

function textDelta({ response }: Json): ChatDelta {
  const text = textAt(response, 'response')
  return text === '' ? {} : { content: text }
}

function readFinish(reason: unknown): FinishReason {
  // `load` and `unload` end requests without a prompt; ours always have one.
  if (reason === 'load' || reason === 'unload') {
    throw new InferenceError('engine_failed', 'Ollama ended the request without an answer')
  }
  return finishReasonAt(reason, 'done_reason') ?? 'stop'
}

/** Ollama counts nanoseconds. It does not report how much of the prompt was cached. */
function readEnd(record: Json): BackendDone {
  const { prompt_eval_count: prompt, eval_count: completion } = record
  const { prompt_eval_duration: prefill, eval_duration: decode } = record
  return {
    type: 'done',
    usage: {
      promptTokens: countAt(prompt, 'prompt_eval_count') ?? 0,
      completionTokens: countAt(completion, 'eval_count') ?? 0,
      cachedPromptTokens: 0,
    },
    timings: {
      prefillMs: milliseconds(prefill, 'prompt_eval_duration'),
      decodeMs: milliseconds(decode, 'eval_duration'),
    },
  }
}

function milliseconds(nanoseconds: unknown, path: string): number {
  return Math.round((countAt(nanoseconds, path) ?? 0) / 1e6)
}

function chatChunk(
  model: string,
  delta: ChatDelta,
  finish: FinishReason | null,
  tokens: readonly TokenLogprob[],
): BackendChunk['json'] {
  const extra = tokens.length > 0 ? { logprobs: { content: tokens } } : {}
  const choices = [{ index: 0, delta, finish_reason: finish, ...extra }]
  return { id: '', object: 'chat.completion.chunk', created: 0, model, choices }
}

function completionChunk(
  model: string,
  text: string,
  finish: FinishReason | null,
  tokens: readonly TokenLogprob[],
): BackendChunk['json'] {
  const extra = tokens.length > 0 ? { logprobs: completionShape(tokens) } : {}
  const choices = [{ index: 0, text, finish_reason: finish, ...extra }]
  return { id: '', object: 'text_completion', created: 0, model, choices }
}
