import { type FinishReason, InferenceError } from '../../protocol/index.ts'
import { isAbsent, WrongShape, wrongShape } from './field.ts'

/**
 * Why an answer ended, by the names that the engines document: OpenAI, vLLM, SGLang, llama.cpp, Ollama, Mistral (`model_length`),
 * DeepSeek, Anthropic (`end_turn`, `max_tokens`), Google (`STOP`, `SAFETY`), TGI (`eos_token`), Together (`eos`).
 */
const REASONS: Readonly<Record<string, FinishReason | 'failed' | 'busy'>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  stop_sequence: 'stop',
  end_turn: 'stop',
  complete: 'stop',
  completed: 'stop',
  length: 'length',
  max_tokens: 'length',
  max_length: 'length',
  model_length: 'length',
  model_context_window_exceeded: 'length',
  limit: 'length',
  tool_calls: 'tool_calls',
  tool_call: 'tool_calls',
  tool_use: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  content_filtered: 'content_filter',
  safety: 'content_filter',
  recitation: 'content_filter',
  blocklist: 'content_filter',
  prohibited_content: 'content_filter',
  spii: 'content_filter',
  refusal: 'content_filter',
  sensitive: 'content_filter',
  abort: 'failed',
  aborted: 'failed',
  cancelled: 'failed',
  error: 'failed',
  unload: 'failed',
  load: 'failed',
  insufficient_system_resource: 'busy',
}

/**
 * @returns null if the answer continues
 * @throws InferenceError `engine_failed` for an answer that the engine aborted, and for an undocumented reason;
 *   `over_capacity` for one without a free slot
 */
export function finishReasonAt(value: unknown, path: string): FinishReason | null {
  // DashScope sends the word.
  if (isAbsent(value) || value === '' || value === 'null') return null
  if (typeof value !== 'string') throw wrongShape(path, value, 'text')
  const name = value.toLowerCase()
  const reason = Object.hasOwn(REASONS, name) ? REASONS[name] : undefined
  switch (reason) {
    case undefined: {
      const message = `the engine ended the answer with an unknown '${path}': '${value.slice(0, 40)}'`
      throw new WrongShape(message, path)
    }
    case 'failed':
      throw new InferenceError('engine_failed', `the engine aborted the answer: '${name}'`)
    case 'busy':
      throw new InferenceError('over_capacity', `the engine is at capacity: '${name}'`)
    default:
      return reason
  }
}

/**
 * The reason that fits the calls of the answer: some engines end with `stop` after a call, others with `tool_calls` after
 * none, which agents would wait for.
 */
export function fittingFinish(reason: FinishReason | null, hasCalls: boolean): FinishReason | null {
  if (reason !== 'stop' && reason !== 'tool_calls') return reason
  return hasCalls ? 'tool_calls' : 'stop'
}
