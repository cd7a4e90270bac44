import { InferenceError, LIMITS } from '../../protocol/index.ts'
import { asNumber, asRecord, asString, parseJson } from './json.ts'

/** As much of an engine's message as a peer gets to see. */
const MAX_ENGINE_MESSAGE = 300

/** Where the engines write the two numbers of a prompt that is too long. */
const CONTEXT_LENGTH = [
  /maximum context length (?:is|of) (\d+)/i,
  /context length of only (\d+)/i,
  /context length \((\d+)/i,
  /available context size \((\d+)/i,
]
const PROMPT_TOKENS = [
  /\((\d+) in the (?:messages|prompt)/i,
  /resulted in (\d+) tokens/i,
  /(?:has|contains)(?: at least)? (\d+) input tokens/i,
  /input \((\d+) tokens/i,
  /first (\d+) tokens/i,
  /request \((\d+) tokens/i,
  /requested (\d+) tokens/i,
]
const TOO_LONG =
  /maximum context length|context[ _]length[ _]exceeded|exceeds? (?:the )?(?:available )?context|longer than the model's context|when context the overflows/i

/** An engine's refusal, over HTTP or inside a stream, as the error it stands for. `body` is the text of the answer. */
export function failureOf(status: number, body: string, headers?: Headers): InferenceError {
  const { message, type } = read(body)
  const shown = message.slice(0, MAX_ENGINE_MESSAGE)
  const text =
    shown === '' ? `the engine answered with status ${status}` : `the engine says: ${shown}`
  if (type === 'exceed_context_size_error' || (status < 500 && TOO_LONG.test(message))) {
    return new InferenceError('context_too_long', text, { details: contextNumbers(body, message) })
  }
  if (status === 401 || status === 403) {
    return new InferenceError('engine_failed', 'the engine refuses our credentials')
  }
  if (status === 404) {
    return /model/i.test(message)
      ? new InferenceError('model_not_found', text, { details: { param: 'model' } })
      : new InferenceError('engine_failed', text)
  }
  if (status === 501 || /does not support|not supported/i.test(message)) {
    return new InferenceError('capability_unavailable', text, { details: paramOf(message) })
  }
  if (status === 503 && /loading/i.test(message)) {
    return new InferenceError('loading', text, retryAfter(headers))
  }
  if (status === 429 || status === 503) {
    return new InferenceError('over_capacity', text, retryAfter(headers))
  }
  if (status === 400 || status === 413 || status === 422) {
    return new InferenceError('invalid_request', text)
  }
  return new InferenceError('engine_failed', text)
}

/** OpenAI's shape, `{"error": {…}}`; Ollama's, `{"error": "…"}`; older vLLM's, `{"message": "…"}`. */
function read(body: string): { message: string; type: string } {
  let parsed: Readonly<Record<string, unknown>> = {}
  try {
    parsed = parseJson(body)
  } catch {
    return { message: '', type: '' }
  }
  const { error } = parsed
  if (typeof error === 'string') return { message: error, type: '' }
  const { message, type } = error === undefined ? parsed : asRecord(error)
  return { message: asString(message), type: asString(type) }
}

function contextNumbers(
  body: string,
  message: string,
): { promptTokens?: number; contextLength?: number } {
  const { error } = parseJson(body)
  const { n_prompt_tokens: prompt, n_ctx: context } = asRecord(error)
  const promptTokens = asNumber(prompt) || firstNumber(PROMPT_TOKENS, message)
  const contextLength = asNumber(context) || firstNumber(CONTEXT_LENGTH, message)
  return { ...(promptTokens > 0 && { promptTokens }), ...(contextLength > 0 && { contextLength }) }
}

function firstNumber(patterns: readonly RegExp[], text: string): number {
  for (const pattern of patterns) {
    const found = pattern.exec(text)?.[1]
    if (found !== undefined) return Number(found)
  }
  return 0
}

function paramOf(message: string): { param?: string } {
  const [param] = /tools|embeddings?|image|vision|logprobs|thinking|chat/i.exec(message) ?? []
  return param === undefined ? {} : { param: param.toLowerCase() }
}

function retryAfter(headers: Headers | undefined): { retryAfterMs?: number } {
  // OpenAI sends both; the finer one counts.
  const ms = numberOf(headers?.get('retry-after-ms')) ?? secondsOf(headers?.get('retry-after'))
  if (ms === undefined || ms < 0) return {}
  return { retryAfterMs: Math.min(ms, LIMITS.maxRetryAfterMs) }
}

/** Seconds from now, or the date at which (RFC 9110, section 10.2.3), in milliseconds from now. */
function secondsOf(told: string | null | undefined): number | undefined {
  const seconds = numberOf(told)
  if (seconds !== undefined) return seconds * 1_000
  const at = Date.parse(told ?? '')
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}

function numberOf(told: string | null | undefined): number | undefined {
  const number = Number(told ?? Number.NaN)
  return Number.isFinite(number) ? number : undefined
}
