import type { Capability } from './advertisement.ts'
import type { ChatRequest } from './openai.ts'
import { embeddingInputs, type InferenceRequest } from './request.ts'

/** What a model's engine must offer to serve a request. */
export interface Requirements {
  readonly capabilities: readonly Capability[]
  /** Fields that change the answer and that not every engine supports. */
  readonly fields: readonly string[]
}

/** In a model's `fields`: its engine embeds token ids. Not a field of a request, but a form of `input`. */
export const TOKEN_INPUT = 'input.token_ids'

/** In a model's `fields`: its engine continues a final assistant message. Not a field, but a form of `messages`. */
export const ANSWER_PREFIX = 'messages.answer_prefix'

/** Fields that not every engine supports, and the values that have an effect. */
export const OPTIONAL_FIELDS: readonly (readonly [
  field: string,
  asks: (value: unknown) => boolean,
])[] = [
  ['n', (value) => value !== 1],
  ['presence_penalty', (value) => value !== 0],
  ['frequency_penalty', (value) => value !== 0],
  ['logit_bias', (value) => Object.keys(value as object).length > 0],
  ['top_k', (value) => value !== 0],
  ['min_p', (value) => value !== 0],
  ['repeat_penalty', (value) => value !== 1],
  ['tool_choice', (value) => value !== 'auto' && value !== 'none'],
  ['echo', (value) => value !== false],
  ['dimensions', () => true],
]

/** Hints that do not change the meaning of an answer, and the values that have an effect. */
export const HINTS: readonly (readonly [field: string, asks: (value: unknown) => boolean])[] = [
  ['reasoning_effort', () => true],
  ['verbosity', (value) => value !== 'medium'],
  ['parallel_tool_calls', (value) => value !== true],
]

/**
 * Hints of a request: an engine that takes them gets them, another one answers without, and the caller learns which were
 * left out.
 */
export function hintsOf(request: InferenceRequest): readonly string[] {
  return asking(request, HINTS)
}

function asking(request: InferenceRequest, fields: typeof OPTIONAL_FIELDS): string[] {
  const body = request.body as unknown as Readonly<Record<string, unknown>>
  return fields
    .filter(([field, asks]) => {
      const value = body[field]
      return value !== undefined && value !== null && asks(value)
    })
    .map(([field]) => field)
}

/** Which capabilities and optional fields a request needs. */
export function requirementsOf(request: InferenceRequest): Requirements {
  const fields = asking(request, OPTIONAL_FIELDS)
  if (request.kind === 'embedding') {
    const takesIds = embeddingInputs(request.body.input).some((input) => typeof input !== 'string')
    if (takesIds) fields.push(TOKEN_INPUT)
  }
  if (request.kind === 'chat' && hasPrefix(request.body)) fields.push(ANSWER_PREFIX)
  return { capabilities: capabilitiesOf(request), fields }
}

/** Whether the caller has begun the answer. */
function hasPrefix({ messages }: ChatRequest): boolean {
  const last = messages.at(-1)
  if (last?.role !== 'assistant' || last.tool_calls !== undefined) return false
  return (last.content ?? '').length > 0
}

function capabilitiesOf(request: InferenceRequest): Capability[] {
  const needed: Capability[] = [request.kind]
  if (request.kind === 'embedding') return needed
  if (request.kind === 'score') return [...needed, request.body.request.kind]
  const { logprobs } = request.body
  if (logprobs !== undefined && logprobs !== null && logprobs !== false) needed.push('logprobs')
  if (request.kind === 'completion') return needed
  const { tools, response_format: format, messages } = request.body
  if (tools !== undefined && tools !== null && tools.length > 0) needed.push('tools')
  if (format?.type === 'json_object' || format?.type === 'json_schema') needed.push('json_schema')
  const hasImage = messages.some(
    ({ content }) => Array.isArray(content) && content.some((part) => part.type === 'image_url'),
  )
  if (hasImage) needed.push('vision')
  return needed
}
