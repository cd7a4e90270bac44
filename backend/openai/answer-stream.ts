import {
  type ChatChunk,
  type ChatDelta,
  type CompletionChunk,
  type FinishReason,
  LIMITS,
  type Usage,
} from '../../protocol/index.ts'
import type { BackendChunk } from '../backend.ts'
import { failureIn } from '../http/index.ts'
import { completionLogprobs, tokenLogprobs } from '../logprobs.ts'
import {
  contentAt,
  countAt,
  finishReasonAt,
  fittingFinish,
  isAbsent,
  type Json,
  listAt,
  noteUnread,
  numberAt,
  reasoningAt,
  recordAt,
  recordIn,
  requireRead,
  ToolCallReader,
  textAt,
  usageAt,
  WrongShape,
} from '../shapes/index.ts'
import { type OnProgress, reportProgress } from './llama-progress.ts'
import { tokenIdsIn } from './token-ids.ts'

/** Facts collected from the stream. */
export interface AnswerSummary {
  /** Undefined until the engine sends a finish reason. */
  finish: FinishReason | undefined
  usage: Usage | undefined
  /** Chunks with text, for engines that send no usage. */
  pieces: number
  /** llama-server's own clock, in milliseconds. */
  timings: { readonly prefillMs: number; readonly decodeMs: number } | undefined
  readonly toolCalls: ToolCallReader
  /** Fields with something in them, of undocumented names. */
  readonly unread: Set<string>
}

/** What is read of an answer. */
export interface Shape {
  readonly kind: 'chat' | 'completion'
  readonly model: string
  readonly withLogprobs: boolean
  /** Whether the engine reports the ids of all tokens; otherwise ids are left out. */
  readonly withTokenIds: boolean
}

export function emptySummary(): AnswerSummary {
  return {
    finish: undefined,
    usage: undefined,
    pieces: 0,
    timings: undefined,
    toolCalls: new ToolCallReader(),
    unread: new Set(),
  }
}

/**
 * Converts one server-sent event, or a whole answer in place of a stream, to a chunk; undefined if it adds nothing to the
 * answer. Updates `summary`, and passes on a report of progress.
 *
 * @throws InferenceError for a failure that the engine reports; `engine_failed` for a field of an undocumented shape
 */
export function readEvent(
  data: string,
  shape: Shape,
  summary: AnswerSummary,
  onProgress?: OnProgress,
): BackendChunk | undefined {
  const event = recordIn(data)
  const failure = failureIn(event, data)
  if (failure !== undefined) throw failure
  if (reportProgress(event, onProgress)) return undefined
  const { choices, usage, timings, x_groq: groq } = event
  const { usage: groqUsage } = recordAt(groq, 'x_groq')
  summary.usage = usageAt(usage ?? groqUsage, 'usage') ?? summary.usage
  summary.timings = readTimings(timings) ?? summary.timings
  const choice = onlyChoice(choices)
  if (choice === undefined) return undefined
  const { finish_reason: sent, token_ids: ids } = choice
  const reported = finishReasonAt(sent, 'choices.0.finish_reason')
  // Some engines repeat it with the usage.
  const reason = summary.finish === undefined ? reported : null
  const tokenIds = shape.withTokenIds ? tokenIdsIn(ids, 'choices.0.token_ids') : []
  const json =
    shape.kind === 'chat'
      ? chatChunk(choice, reason, shape, summary)
      : textChunk(choice, reason, shape)
  summary.finish = fittingFinish(reason, summary.toolCalls.hasCalls) ?? summary.finish
  if (json === undefined && tokenIds.length === 0) return undefined
  if (json !== undefined) summary.pieces += 1
  return { type: 'chunk', json: json ?? emptyChunk(shape), tokenIds, logprobs: [] }
}

/** One answer is requested; an engine that sends more has mixed up requests. */
function onlyChoice(value: unknown): Json | undefined {
  const choices = listAt(value, 'choices')
  if (choices.length === 0) return undefined
  const choice = recordAt(choices[0], 'choices.0')
  const { index: sent } = choice
  const index = countAt(sent, 'choices.0.index') ?? 0
  if (choices.length === 1 && index === 0) return choice
  throw new WrongShape(
    `the engine sent 'choices' with ${choices.length} answers, the first with index ${index}; expected one with index 0`,
    'choices',
  )
}

function chatChunk(
  choice: Json,
  reason: FinishReason | null,
  shape: Shape,
  { toolCalls, unread, pieces }: AnswerSummary,
): ChatChunk | undefined {
  // A whole answer has its message where a stream has a delta; some engines stream a chat as a text.
  const { delta: sent, message, text, logprobs } = choice
  const path = isAbsent(sent) ? 'choices.0.message' : 'choices.0.delta'
  const isText = isAbsent(sent) && isAbsent(message) && !isAbsent(text)
  const spoken = isText ? { content: text } : recordAt(sent ?? message, path)
  noteUnread(spoken, path, unread)
  const delta = readDelta(spoken, path, toolCalls, reason)
  const isEmpty = Object.keys(delta).length === 0
  const finish = fittingFinish(reason, toolCalls.hasCalls)
  if (finish === 'stop' && isEmpty && pieces === 0) requireRead(unread)
  const tokens = shape.withLogprobs ? chatLogprobs(logprobs) : []
  if (isEmpty && finish === null && tokens.length === 0) return undefined
  const chosen = {
    index: 0,
    delta,
    finish_reason: finish,
    ...(finish === 'stop' && stopReasonOf(choice)),
    ...(tokens.length > 0 && { logprobs: { content: tokens } }),
  }
  return {
    id: '',
    object: 'chat.completion.chunk',
    created: 0,
    model: shape.model,
    choices: [chosen],
  }
}

function chatLogprobs(logprobs: unknown) {
  const path = 'choices.0.logprobs'
  const { content } = recordAt(logprobs, path)
  return tokenLogprobs(content, `${path}.content`)
}

function textChunk(
  choice: Json,
  finish: FinishReason | null,
  shape: Shape,
): CompletionChunk | undefined {
  const { text: sent, logprobs } = choice
  const text = textAt(sent, 'choices.0.text')
  if (text === '' && finish === null) return undefined
  const hasLogprobs = shape.withLogprobs && !isAbsent(logprobs)
  const chosen = {
    index: 0,
    text,
    finish_reason: finish,
    ...(finish === 'stop' && stopReasonOf(choice)),
    ...(hasLogprobs && { logprobs: completionLogprobs(logprobs, 'choices.0.logprobs') }),
  }
  return { id: '', object: 'text_completion', created: 0, model: shape.model, choices: [chosen] }
}

/** The stop string that ended the answer, by vLLM's, SGLang's or llama-server's name. Token ids do not count. */
function stopReasonOf({
  stop_reason: stopReason,
  matched_stop: matched,
  stopping_word: word,
}: Json): { readonly stop_reason?: string } {
  const stop = stopReason ?? matched ?? word
  if (typeof stop !== 'string' || stop === '') return {}
  return stop.length <= LIMITS.maxStopLength ? { stop_reason: stop } : {}
}

function emptyChunk({ kind, model }: Pick<Shape, 'kind' | 'model'>): ChatChunk | CompletionChunk {
  if (kind === 'completion') {
    return { id: '', object: 'text_completion', created: 0, model, choices: [] }
  }
  return { id: '', object: 'chat.completion.chunk', created: 0, model, choices: [] }
}

/** What the delta adds. The client sets the role. */
function readDelta(
  sent: Json,
  path: string,
  toolCalls: ToolCallReader,
  reason: FinishReason | null,
): ChatDelta {
  const { content, refusal, tool_calls: calls, function_call: oldCall } = sent
  const spoken = contentAt(content, `${path}.content`)
  const thought = reasoningAt(sent, path) || spoken.reasoning
  const refused = textAt(refusal, `${path}.refusal`) || spoken.refusal
  const tools = toolCalls.take(calls, `${path}.tool_calls`)
  // The predecessor of `tool_calls`: one call, whose parts have no index.
  if (!isAbsent(oldCall)) {
    const call = { index: 0, function: recordAt(oldCall, `${path}.function_call`) }
    tools.push(...toolCalls.take([call], `${path}.function_call`))
  }
  if (reason !== null) tools.push(...toolCalls.end(reason))
  return {
    ...(spoken.text !== '' && { content: spoken.text }),
    ...(thought !== '' && { reasoning_content: thought }),
    ...(refused !== '' && { refusal: refused }),
    ...(tools.length > 0 && { tool_calls: tools }),
  }
}

function readTimings(value: unknown): AnswerSummary['timings'] {
  if (isAbsent(value)) return undefined
  const { prompt_ms: prefill, predicted_ms: decode } = recordAt(value, 'timings')
  return {
    prefillMs: Math.max(0, Math.round(numberAt(prefill, 'timings.prompt_ms') ?? 0)),
    decodeMs: Math.max(0, Math.round(numberAt(decode, 'timings.predicted_ms') ?? 0)),
  }
}
