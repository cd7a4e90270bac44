import { InferenceError, LIMITS } from '../../protocol/index.ts'
import { isAbsent, type Json } from '../shapes/index.ts'
import { EngineTrouble } from './engine-trouble.ts'
import { asNumber, asRecord, asString } from './json.ts'

/** Characters of an engine's message that a peer gets to see. */
const MAX_ENGINE_MESSAGE = 300

/** Patterns of the two numbers in the engines' messages about a prompt that is too long. */
const CONTEXT_LENGTH = [
  /maximum context length (?:is|of) (\d+)/i,
  /context length of only (\d+)/i,
  /context length \((\d+)/i,
  /available context size \((\d+)/i,
  /current batch size: (\d+)/i,
  /max(?:imum)? context size \((\d+)/i,
  /less than (\d+) tokens/i,
  /> (\d+) maximum/i,
]
const PROMPT_TOKENS = [
  /\((\d+) in the (?:messages|prompt)/i,
  /resulted in (\d+) tokens/i,
  /(?:has|contains)(?: at least)? (\d+) input tokens/i,
  /input \((\d+) tokens/i,
  /first (\d+) tokens/i,
  /request \((\d+) tokens/i,
  /given: (\d+)/i,
  /too long: (\d+) tokens/i,
  /requested (\d+) tokens/i,
]
/**
 * Wordings of OpenAI, vLLM, SGLang, llama.cpp, Ollama, LM Studio, Anthropic, Bedrock, Google, xAI, Groq, Mistral, Moonshot,
 * MiniMax, DashScope, Copilot and TGI, in this order.
 */
const TOO_LONG = new RegExp(
  [
    'maximum context length|context[ _]length[ _]exceeded|exceeds? (?:the )?(?:available |maximum )?context',
    "longer than the model's context|max_tokens must be at least 1, got -|when context the overflows",
    'greater than the context length|prompt is too long|input is too long|input token count .*exceeds the maximum',
    'maximum prompt length|reduce the length of the (?:messages|prompt|input)|too large for model with',
    'exceeded model token limit|context window exceeds|range of input length should be',
    'token count of \\d+ exceeds the limit|too many tokens|must have less than \\d+ tokens',
    '`inputs` tokens \\+ `max_new_tokens` must be',
  ].join('|'),
  'i',
)
/** llama-server sends status 500 for an input that it cannot embed in one batch. */
const TOO_LARGE_TO_EMBED = /input \(\d+ tokens\) is (?:too large to process|larger than the max)/i
const TOO_LONG_CODES: ReadonlySet<string> = new Set([
  'exceed_context_size_error',
  'context_length_exceeded',
])

/**
 * Names that stand in for a status, in `code`, `type` or `status` of an error that came inside an answer; the first that
 * fits holds.
 */
const NAMED_STATUS: readonly (readonly [name: RegExp, status: number])[] = [
  [/rate.?limit|quota|too.?many.?requests|resource.?exhausted|throttl/i, 429],
  [/overloaded|unavailable|busy|capacity/i, 503],
  [/authentication|unauthorized|unauthenticated|api.?key|permission/i, 401],
  [/not.?found/i, 404],
  [/bad.?request|invalid|unprocessable|context.?length/i, 400],
]

/** Fields with the engine's words in an error that has no `error`: FastAPI's, Baidu's, DashScope's and others'. */
const WORDS = ['message', 'detail', 'errors', 'error_msg', 'error_message', 'msg'] as const

/** MiniMax sends its status with every record. */
function minimaxFailure({ base_resp: status }: Json): Json | undefined {
  const { status_code: code, status_msg: message } = asRecord(status)
  return typeof code === 'number' && code !== 0 ? { code, message } : undefined
}

function saysWhy(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0
}

/**
 * The failure in a record of an answer that began with status 200, in any of the known forms: `error` as text or
 * object, an object that is the error itself, or FastAPI's `detail`.
 *
 * @returns undefined for a record that is part of an answer
 */
export function failureIn(record: Json, text: string): InferenceError | undefined {
  const { error, object, choices, done, detail, code, type } = record
  const inChoice = choiceError(choices)
  if (isAbsent(error) && inChoice !== undefined) {
    return failureIn({ error: inChoice }, JSON.stringify({ error: inChoice }))
  }
  const isError = object === 'error' || type === 'error'
  const isBare =
    isAbsent(choices) &&
    isAbsent(done) &&
    (WORDS.some((name) => saysWhy(record[name])) ||
      !isAbsent(detail) ||
      minimaxFailure(record) !== undefined)
  if ((isAbsent(error) || error === '' || error === false) && !isError && !isBare) return undefined
  const about =
    isAbsent(error) || typeof error === 'string' ? { code, type, ...record } : asRecord(error)
  return failureOf(statusOf(about), text)
}

/** OpenRouter writes a failure into the answer's choice when its provider fails in the middle. */
function choiceError(choices: unknown): unknown {
  const { error } = asRecord(Array.isArray(choices) ? choices[0] : undefined)
  return isAbsent(error) ? undefined : error
}

function statusOf({ code, status, type }: Json): number {
  for (const stated of [code, status]) {
    const number = typeof stated === 'string' ? Number(stated) : stated
    if (typeof number === 'number' && number >= 400 && number < 600) return number
  }
  const names = [code, type, status].filter((name) => typeof name === 'string')
  for (const name of names) {
    const [, found] = NAMED_STATUS.find(([pattern]) => pattern.test(name)) ?? []
    if (found !== undefined) return found
  }
  return 500
}

/** Maps an engine's refusal, over HTTP or inside a stream, to an InferenceError. `body` is the text of the answer. */
export function failureOf(
  status: number,
  body: string,
  headers?: Pick<Headers, 'get'>,
): InferenceError {
  const reported = read(body)
  const { message } = reported
  const shown = message.slice(0, MAX_ENGINE_MESSAGE)
  const text =
    shown === '' ? `the engine answered with status ${status}` : `the engine reports: ${shown}`
  if (isTooLong(status, reported)) {
    return new InferenceError('context_too_long', text, { details: contextNumbers(reported) })
  }
  if (status === 401 || status === 403) {
    return new InferenceError(
      'engine_failed',
      'the engine rejected the credentials configured for it',
    )
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
  if (status === 429 || status === 503 || status === 529) {
    return new InferenceError('over_capacity', text, retryAfter(headers))
  }
  if (status === 400 || status === 413 || status === 422) {
    return new InferenceError('invalid_request', text)
  }
  const cause = status >= 500 ? { cause: new EngineTrouble(text) } : {}
  return new InferenceError('engine_failed', text, cause)
}

interface Told {
  readonly message: string
  /** Names of the error: its type and its code. */
  readonly names: readonly string[]
  readonly error: Json
}

function isTooLong(status: number, { message, names }: Told): boolean {
  if (names.some((name) => TOO_LONG_CODES.has(name)) || TOO_LARGE_TO_EMBED.test(message))
    return true
  return status < 500 && TOO_LONG.test(message)
}

/** OpenAI's shape, `{"error": {…}}`; Ollama's, `{"error": "…"}`; an object with words of its own ({@link WORDS}); plain text. */
function read(body: string): Told {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    const isPage = body.trimStart().startsWith('<')
    return { message: isPage ? '' : body.trim(), names: [], error: {} }
  }
  const root = asRecord(Array.isArray(parsed) ? parsed[0] : parsed)
  const { error } = root
  if (typeof error === 'string') return { message: error, names: [], error: root }
  const reported = isAbsent(error) ? (minimaxFailure(root) ?? root) : asRecord(error)
  const { type, code } = reported
  const message = WORDS.map((name) => reported[name]).find((value) => !isAbsent(value))
  const words =
    typeof message === 'string' || isAbsent(message) ? asString(message) : JSON.stringify(message)
  return { message: words, names: [asString(type), asString(code)], error: reported }
}

function contextNumbers({ message, error }: Told): {
  promptTokens?: number
  contextLength?: number
} {
  const { n_prompt_tokens: prompt, n_ctx: context } = error
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

function retryAfter(headers: Pick<Headers, 'get'> | undefined): { retryAfterMs?: number } {
  // OpenAI sends both; the more precise one counts.
  const ms = numberOf(headers?.get('retry-after-ms')) ?? secondsOf(headers?.get('retry-after'))
  if (ms === undefined || ms < 0) return {}
  return { retryAfterMs: Math.min(ms, LIMITS.maxRetryAfterMs) }
}

/** Seconds from now, or the date at which (RFC 9110, section 10.2.3), in milliseconds from now. */
function secondsOf(reported: string | null | undefined): number | undefined {
  const seconds = numberOf(reported)
  if (seconds !== undefined) return seconds * 1_000
  const at = Date.parse(reported ?? '')
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}

function numberOf(reported: string | null | undefined): number | undefined {
  const number = Number(reported ?? Number.NaN)
  return Number.isFinite(number) ? number : undefined
}
