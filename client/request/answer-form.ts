import type { ChatRequest, CompletionRequest, InferenceRequest } from '../../protocol/index.ts'

/** The form that the answer to a request must have. */
export interface AnswerForm {
  /** Functions that may be called; empty for none. */
  readonly functions: ReadonlySet<string>
  /** Parameters of the functions that are declared `strict`, as JSON schemas. @default none */
  readonly strict?: ReadonlyMap<string, Readonly<Record<string, unknown>>>
  /** Requested alternatives per token; absent if no log probabilities were requested. */
  readonly alternatives?: number
  /** Max tokens of each choice; absent if the caller set no limit. */
  readonly maxTokens?: number
  /** UTF-8 bytes of the prompt if the answer repeats it, else 0. */
  readonly echoedBytes: number
  /** Set if the text must be JSON. */
  readonly json?: JsonForm
}

/** Requirements for a JSON answer, in addition to valid syntax. */
export interface JsonForm {
  readonly isObject: boolean
  readonly required: readonly string[]
}

/** @returns undefined for requests whose answer is not text */
export function answerFormOf({ kind, body }: InferenceRequest): AnswerForm | undefined {
  if (kind === 'chat') return chatForm(body)
  return kind === 'completion' ? completionForm(body) : undefined
}

function chatForm(body: ChatRequest): AnswerForm {
  const { tools, tool_choice: choice, logprobs, top_logprobs, response_format: format } = body
  const names = (tools ?? []).map(({ function: { name } }) => name)
  const forced = typeof choice === 'object' && choice !== null ? [choice.function.name] : names
  const maxTokens = body.max_completion_tokens ?? body.max_tokens
  const json = jsonForm(format)
  const strict = (tools ?? []).flatMap(({ function: { name, strict: isStrict, parameters } }) =>
    isStrict === true && parameters !== undefined ? [[name, parameters] as const] : [],
  )
  return {
    functions: new Set(choice === 'none' ? [] : forced),
    ...(strict.length > 0 && { strict: new Map(strict) }),
    echoedBytes: 0,
    ...(logprobs === true && { alternatives: top_logprobs ?? 0 }),
    ...(typeof maxTokens === 'number' && { maxTokens }),
    ...(json !== undefined && { json }),
  }
}

function completionForm({ logprobs, max_tokens, echo, prompt }: CompletionRequest): AnswerForm {
  const repeated = typeof prompt === 'string' ? Buffer.byteLength(prompt) : Infinity
  return {
    functions: new Set(),
    echoedBytes: echo === true ? repeated : 0,
    ...(typeof logprobs === 'number' && { alternatives: logprobs }),
    ...(typeof max_tokens === 'number' && { maxTokens: max_tokens }),
  }
}

function jsonForm(format: ChatRequest['response_format']): JsonForm | undefined {
  if (format?.type === 'json_object') return { isObject: true, required: [] }
  if (format?.type !== 'json_schema' || format.json_schema.strict !== true) return undefined
  const { type, required } = format.json_schema.schema ?? {}
  const isObject = type === 'object'
  const names = Array.isArray(required) ? required.filter((one) => typeof one === 'string') : []
  return { isObject, required: isObject ? names : [] }
}
