import {
  type ChatChunk,
  type ChatDelta,
  type CompletionChunk,
  type FinishReason,
  InferenceError,
  type OpenAiUsage,
  type ToolCallDelta,
} from '../../protocol/index.ts'
import type { BackendChunk } from '../backend.ts'
import { asArray, asNumber, asRecord, asString, failureOf, parseJson } from '../http/index.ts'
import { completionLogprobs, tokenLogprobs } from '../logprobs.ts'
import { tokenIdsIn } from './token-ids.ts'

type Json = Readonly<Record<string, unknown>>

/** What was learned while the answer went by. */
export interface AnswerSummary {
  /** Undefined until the engine said why it ended. */
  finish: FinishReason | undefined
  usage: OpenAiUsage | undefined
  /** Chunks with text, for engines that send no usage. */
  pieces: number
  /** llama-server's own clock, in milliseconds. */
  timings: { readonly prefillMs: number; readonly decodeMs: number } | undefined
}

interface Shape {
  readonly kind: 'chat' | 'completion'
  readonly model: string
  readonly withLogprobs: boolean
  /** The engine is known to tell the ids of all tokens; what it tells else is left out. */
  readonly withTokenIds: boolean
}

export function emptySummary(): AnswerSummary {
  return { finish: undefined, usage: undefined, pieces: 0, timings: undefined }
}

/** One server-sent event as a chunk of ours; undefined where it adds nothing to the answer. Notes in `summary` what it says. */
export function readEvent(
  data: string,
  shape: Shape,
  summary: AnswerSummary,
): BackendChunk | undefined {
  const event = parseJson(data)
  const { error, choices, usage, timings } = event
  if (error !== undefined && error !== null) {
    const { code } = asRecord(error)
    throw failureOf(typeof code === 'number' && code >= 400 ? code : 500, data)
  }
  if (usage !== undefined && usage !== null) summary.usage = readUsage(asRecord(usage))
  if (timings !== undefined) summary.timings = readTimings(asRecord(timings))
  const [first] = asArray(choices)
  if (first === undefined) return undefined
  const choice = asRecord(first)
  const { finish_reason: reason } = choice
  const finish = readFinish(reason)
  summary.finish = finish ?? summary.finish
  const { token_ids: ids } = choice
  const tokenIds = shape.withTokenIds ? tokenIdsIn(ids) : []
  const json =
    shape.kind === 'chat' ? chatChunk(choice, finish, shape) : textChunk(choice, finish, shape)
  if (json === undefined && tokenIds.length === 0) return undefined
  if (json !== undefined) summary.pieces += 1
  return { type: 'chunk', json: json ?? emptyChunk(shape), tokenIds, logprobs: [] }
}

function chatChunk(choice: Json, finish: FinishReason | null, shape: Shape): ChatChunk | undefined {
  const { delta: sent, logprobs } = choice
  const delta = readDelta(asRecord(sent))
  const { content } = asRecord(logprobs)
  const tokens = shape.withLogprobs ? tokenLogprobs(content) : []
  if (Object.keys(delta).length === 0 && finish === null && tokens.length === 0) return undefined
  const chosen = tokens.length > 0 ? { logprobs: { content: tokens } } : {}
  return {
    ...emptyChunk({ ...shape, kind: 'chat' }),
    choices: [{ index: 0, delta, finish_reason: finish, ...chosen }],
  } as ChatChunk
}

function textChunk(
  choice: Json,
  finish: FinishReason | null,
  shape: Shape,
): CompletionChunk | undefined {
  const { text: sent, logprobs } = choice
  const text = asString(sent)
  if (text === '' && finish === null) return undefined
  const hasLogprobs = shape.withLogprobs && logprobs !== undefined && logprobs !== null
  const chosen = hasLogprobs ? { logprobs: completionLogprobs(logprobs) } : {}
  return {
    ...emptyChunk({ ...shape, kind: 'completion' }),
    choices: [{ index: 0, text, finish_reason: finish, ...chosen }],
  } as CompletionChunk
}

function emptyChunk({ kind, model }: Pick<Shape, 'kind' | 'model'>): ChatChunk | CompletionChunk {
  if (kind === 'completion') {
    return { id: '', object: 'text_completion', created: 0, model, choices: [] }
  }
  return { id: '', object: 'chat.completion.chunk', created: 0, model, choices: [] }
}

/** What the delta adds. The role is the client's to set. */
function readDelta(sent: Json): ChatDelta {
  const {
    content,
    reasoning_content: reasoningContent,
    reasoning,
    refusal,
    tool_calls: calls,
  } = sent
  // vLLM renamed the field; both are in use.
  const thought = asString(reasoningContent) || asString(reasoning)
  const tools = asArray(calls).map(asRecord).map(readToolCall)
  return {
    ...(typeof content === 'string' && content !== '' && { content }),
    ...(thought !== '' && { reasoning_content: thought }),
    ...(typeof refusal === 'string' && refusal !== '' && { refusal }),
    ...(tools.length > 0 && { tool_calls: tools }),
  }
}

function readToolCall({ index, id, function: called }: Json): ToolCallDelta {
  const { name, arguments: text } = asRecord(called)
  return {
    index: asNumber(index),
    ...(typeof id === 'string' && { id, type: 'function' as const }),
    function: {
      ...(typeof name === 'string' && { name }),
      ...(typeof text === 'string' && { arguments: text }),
    },
  }
}

function readFinish(reason: unknown): FinishReason | null {
  switch (reason) {
    case undefined:
    case null:
    case '':
      return null
    case 'length':
    case 'content_filter':
    case 'tool_calls':
      return reason
    case 'function_call':
      return 'tool_calls'
    case 'abort':
    case 'error':
      throw new InferenceError('engine_failed', 'the engine gave the answer up')
    default:
      return 'stop'
  }
}

function readUsage(usage: Json): OpenAiUsage {
  const {
    prompt_tokens: prompt,
    completion_tokens: completion,
    prompt_tokens_details: details,
  } = usage
  const { cached_tokens: cached } = asRecord(details)
  const promptTokens = asNumber(prompt)
  const completionTokens = asNumber(completion)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: asNumber(cached) },
  }
}

function readTimings({ prompt_ms: prefill, predicted_ms: decode }: Json): AnswerSummary['timings'] {
  return { prefillMs: Math.round(asNumber(prefill)), decodeMs: Math.round(asNumber(decode)) }
}
