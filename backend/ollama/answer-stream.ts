import {
  type ChatDelta,
  type FinishReason,
  InferenceError,
  type TokenLogprob,
  type ToolCallDelta,
  type Usage,
} from '../../protocol/index.ts'
import type { BackendChunk, BackendDone } from '../backend.ts'
import { asArray, asNumber, asRecord, asString, failureOf, parseJson } from '../http/index.ts'
import { completionShape, tokenLogprobs } from '../logprobs.ts'

type Json = Readonly<Record<string, unknown>>

/** What went by so far, and the end once it came. */
export interface AnswerState {
  toolCalls: number
  done: BackendDone | undefined
}

interface Shape {
  readonly kind: 'chat' | 'completion'
  readonly model: string
}

/** One line of the stream as a chunk of ours; undefined where it adds nothing. The last line also sets `state.done`. */
export function readLine(line: string, shape: Shape, state: AnswerState): BackendChunk | undefined {
  const record = parseJson(line)
  const { error, done, done_reason: reason, logprobs } = record
  if (error !== undefined) throw failureOf(500, line)
  const delta = shape.kind === 'chat' ? chatDelta(record, state) : textDelta(record)
  const finish = done === true ? readFinish(reason, state) : null
  if (done === true) state.done = readEnd(record)
  const tokens = tokenLogprobs(logprobs)
  if (Object.keys(delta).length === 0 && finish === null && tokens.length === 0) return undefined
  const json =
    shape.kind === 'chat'
      ? chatChunk(shape.model, delta, finish, tokens)
      : completionChunk(shape.model, delta.content ?? '', finish, tokens)
  return { type: 'chunk', json, tokenIds: [], logprobs: [] }
}

function chatDelta({ message }: Json, state: AnswerState): ChatDelta {
  const { content, thinking, tool_calls: calls } = asRecord(message)
  const tools = asArray(calls)
    .map(asRecord)
    .map((call) => readToolCall(call, state.toolCalls++))
  return {
    ...(asString(content) !== '' && { content: asString(content) }),
    ...(asString(thinking) !== '' && { reasoning_content: asString(thinking) }),
    ...(tools.length > 0 && { tool_calls: tools }),
  }
}

function textDelta({ response }: Json): ChatDelta {
  return asString(response) === '' ? {} : { content: asString(response) }
}

/** Ollama sends a call whole, its arguments as an object. */
function readToolCall({ id, function: called }: Json, index: number): ToolCallDelta {
  const { name, arguments: values } = asRecord(called)
  return {
    index,
    id: asString(id) || `call_${index}`,
    type: 'function',
    function: { name: asString(name), arguments: JSON.stringify(asRecord(values)) },
  }
}

function readFinish(reason: unknown, { toolCalls }: AnswerState): FinishReason {
  if (reason === 'length') return 'length'
  // `load` and `unload` end requests that asked for no answer; ours always do.
  if (reason === 'load' || reason === 'unload') {
    throw new InferenceError('engine_failed', 'Ollama ended the request without an answer')
  }
  return toolCalls > 0 ? 'tool_calls' : 'stop'
}

/** Ollama counts nanoseconds. It does not say how much of the prompt was in its cache. */
function readEnd(record: Json): BackendDone {
  const { prompt_eval_count: prompt, eval_count: completion } = record
  const { prompt_eval_duration: prefill, eval_duration: decode } = record
  const usage: Usage = {
    promptTokens: asNumber(prompt),
    completionTokens: asNumber(completion),
    cachedPromptTokens: 0,
  }
  const timings = { prefillMs: milliseconds(prefill), decodeMs: milliseconds(decode) }
  return { type: 'done', usage, timings }
}

function milliseconds(nanoseconds: unknown): number {
  return Math.round(asNumber(nanoseconds) / 1e6)
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
