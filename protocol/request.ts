import * as z from 'zod'
import type { Capability } from './advertisement.ts'
import { InferenceError } from './errors.ts'
import type { InferenceKind } from './frames.ts'
import { measureJson, parsedBytes } from './json-shape.ts'
import { LIMITS } from './limits.ts'
import { listOf } from './list-of.ts'
import type { ChatRequest, CompletionRequest, EmbeddingRequest } from './openai.ts'
import type { ScoreRequest } from './score.ts'

/** A validated request, told apart by its kind. */
export type InferenceRequest =
  | { readonly kind: 'chat'; readonly body: ChatRequest }
  | { readonly kind: 'completion'; readonly body: CompletionRequest }
  | { readonly kind: 'embedding'; readonly body: EmbeddingRequest }
  | { readonly kind: 'score'; readonly body: ScoreRequest }

/** A request for an answer of the engine's own. */
export type AnswerRequest = Exclude<InferenceRequest, { readonly kind: 'score' }>

/** Accepted from callers and dropped: they cannot change an answer. The wire always streams. */
const IGNORED_FIELDS: ReadonlySet<string> = new Set([
  'user',
  'metadata',
  'store',
  'service_tier',
  'safety_identifier',
  'prompt_cache_retention',
  'prediction',
  'stream',
  'stream_options',
])

/** Accepted where they ask for nothing, as several SDKs send them, and dropped. Any other value is refused by name. */
const NEUTRAL_FIELDS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['best_of', (value: unknown) => value === null || value === 1],
  ['suffix', (value: unknown) => value === null],
  ['modalities', (value: unknown) => value === null || isTextOnly(value)],
  ['audio', (value: unknown) => value === null],
  ['functions', (value: unknown) => value === null],
  ['function_call', (value: unknown) => value === null],
  ['verbosity', (value: unknown) => value === null],
  ['web_search_options', (value: unknown) => value === null],
])

function isTextOnly(value: unknown): boolean {
  return value === 'text' || (Array.isArray(value) && value.length === 1 && value[0] === 'text')
}

const text = z.string()
const optionalNumber = (min: number, max: number) => z.number().min(min).max(max).nullish()
const optionalInteger = (min: number, max: number) => z.int().min(min).max(max).nullish()
const name = z.string().min(1).max(LIMITS.maxNameLength)

const stop = z
  .union([
    z.string().max(LIMITS.maxStopLength),
    z.array(z.string().min(1).max(LIMITS.maxStopLength)).max(LIMITS.maxStopStrings),
  ])
  .nullish()

const logitBias = z
  .custom<Readonly<Record<string, unknown>>>(
    (value) => typeof value !== 'object' || value === null || hasAtMost(value, LIMITS.maxLogitBias),
    { error: `at most ${LIMITS.maxLogitBias} tokens can be biased`, abort: true },
  )
  .pipe(z.record(z.string(), z.number().min(-100).max(100)))

const sampling = {
  model: name,
  max_tokens: optionalInteger(1, LIMITS.maxTokenIds),
  temperature: optionalNumber(0, 2),
  top_p: optionalNumber(0, 1),
  stop,
  seed: optionalInteger(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  n: optionalInteger(1, LIMITS.maxChoices),
  presence_penalty: optionalNumber(-2, 2),
  frequency_penalty: optionalNumber(-2, 2),
  logit_bias: logitBias.nullish(),
  top_k: optionalInteger(0, 100_000),
  min_p: optionalNumber(0, 1),
  repeat_penalty: optionalNumber(0, 10),
  prompt_cache_key: z.string().max(LIMITS.maxNameLength).nullish(),
}

const textPart = z.strictObject({ type: z.literal('text'), text })
const imagePart = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({
    url: z.string().startsWith('data:', 'only data: URLs: a node fetches nothing for a stranger'),
    detail: z.string().max(16).optional(),
  }),
})
const toolCall = z.strictObject({
  id: z.string().max(LIMITS.maxNameLength),
  type: z.literal('function'),
  function: z.strictObject({ name, arguments: text }),
})
/** An answer that is sent back as part of the conversation carries fields that no engine reads. */
const message = z
  .strictObject({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
    content: z
      .union([text, listOf(z.union([textPart, imagePart]), { max: LIMITS.maxContentParts })])
      .nullish(),
    name: name.optional(),
    tool_calls: listOf(toolCall, { max: LIMITS.maxTools }).nullish(),
    tool_call_id: z.string().max(LIMITS.maxNameLength).optional(),
    refusal: text.nullish(),
    reasoning_content: text.nullish(),
    annotations: z.array(z.unknown()).nullish(),
    audio: z.null().optional(),
    function_call: z.null().optional(),
  })
  .transform(({ role, content, name, tool_calls, tool_call_id, refusal }) => ({
    role,
    ...(content !== undefined && { content: content ?? refusal ?? null }),
    ...(name !== undefined && { name }),
    ...(tool_calls && tool_calls.length > 0 && { tool_calls }),
    ...(tool_call_id !== undefined && { tool_call_id }),
  }))

const schemaObject = z
  .record(z.string(), z.unknown())
  .refine((value) => depthOf(value) <= LIMITS.maxSchemaDepth, {
    error: `a schema may nest ${LIMITS.maxSchemaDepth} levels`,
  })
const tool = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name,
    description: text.optional(),
    parameters: schemaObject.optional(),
    strict: z.boolean().nullish(),
  }),
})
const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.strictObject({ type: z.literal('function'), function: z.strictObject({ name }) }),
])
const responseFormat = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    json_schema: z.strictObject({
      name,
      description: text.optional(),
      schema: schemaObject.optional(),
      strict: z.boolean().nullish(),
    }),
  }),
])

const asked = {
  chat: z.strictObject({
    ...sampling,
    messages: listOf(message, { min: 1, max: LIMITS.maxMessages }),
    max_completion_tokens: optionalInteger(1, LIMITS.maxTokenIds),
    logprobs: z.boolean().nullish(),
    top_logprobs: optionalInteger(0, LIMITS.maxTopLogprobs),
    tools: listOf(tool, { max: LIMITS.maxTools }).nullish(),
    tool_choice: toolChoice.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    response_format: responseFormat.nullish(),
    reasoning_effort: z.string().max(32).nullish(),
  }),
  completion: z.strictObject({
    ...sampling,
    prompt: z.union([text, listOf(z.int().min(0), { min: 1, max: LIMITS.maxTokenIds })]),
    echo: z.boolean().nullish(),
    logprobs: optionalInteger(0, LIMITS.maxTopLogprobs),
  }),
} as const

const tokenIds = listOf(z.int().min(0), { min: 1, max: LIMITS.maxScoredTokens })

const schemas = {
  ...asked,
  score: z
    .strictObject({
      model: name,
      request: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('chat'), body: asked.chat }),
        z.strictObject({ kind: z.literal('completion'), body: asked.completion }),
      ]),
      completion: tokenIds,
      positions: tokenIds.nullish(),
      top_logprobs: optionalInteger(1, LIMITS.maxTopLogprobs),
    })
    .refine(({ positions, completion }) => isAscending(positions ?? [], completion.length), {
      error: 'positions: ascending places of the completion',
      path: ['positions'],
    }),
  embedding: z.strictObject({
    model: name,
    input: z.union([
      z.string().min(1),
      listOf(z.string().min(1), { min: 1, max: LIMITS.maxEmbeddingInputs }),
    ]),
    dimensions: optionalInteger(1, 65_536),
    encoding_format: z.enum(['float', 'base64']).nullish(),
  }),
} as const

function hasAtMost(value: object, most: number): boolean {
  let count = 0
  for (const _ in value) if (++count > most) return false
  return true
}

function isAscending(positions: readonly number[], end: number): boolean {
  return positions.every((at, index) => at < end && at > (positions[index - 1] ?? -1))
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let deepest = 0
  const stack: [object, number][] = [[value, 1]]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [object, depth] = top
    deepest = Math.max(deepest, depth)
    if (deepest > LIMITS.maxSchemaDepth) return deepest
    for (const child of Object.values(object)) {
      if (typeof child === 'object' && child !== null) stack.push([child, depth + 1])
    }
  }
  return deepest
}

/**
 * Validates a request against the allow-list of fields. Fields that cannot change an answer are dropped;
 * one that is not on the list (`chat_template`, `num_ctx`, `keep_alive` and whatever else steers an engine)
 * is refused by name.
 *
 * @throws InferenceError `invalid_request`, with `details.param`.
 */
export function parseRequest(kind: AnswerRequest['kind'], body: unknown): AnswerRequest
export function parseRequest(kind: InferenceKind, body: unknown): InferenceRequest
export function parseRequest(kind: InferenceKind, body: unknown): InferenceRequest {
  const kept =
    typeof body === 'object' && body !== null && !Array.isArray(body)
      ? Object.fromEntries(Object.entries(body).filter((entry) => !isWithoutEffect(...entry)))
      : body
  const parsed = schemas[kind].safeParse(kept)
  if (!parsed.success) throw refusal(parsed.error)
  return { kind, body: parsed.data } as InferenceRequest
}

function isWithoutEffect(field: string, value: unknown): boolean {
  return IGNORED_FIELDS.has(field) || NEUTRAL_FIELDS.get(field)?.(value) === true
}

/**
 * {@link parseRequest} for the bytes of `Body` frames.
 *
 * @param reserve is called before they are parsed, with the memory in bytes that the values will take. It may throw.
 */
export function parseRequestBytes(
  kind: InferenceKind,
  bytes: Uint8Array,
  reserve: (bytes: number) => void = () => {},
): InferenceRequest {
  reserve(parsedBytes(measureJson(bytes)))
  let body: unknown
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new InferenceError('invalid_request', 'the request is not JSON', { cause })
  }
  return parseRequest(kind, body)
}

function refusal(error: z.ZodError): InferenceError {
  const issue = error.issues[0]
  const path = issue?.path.map(String) ?? []
  if (issue?.code === 'unrecognized_keys') {
    const field = [...path, issue.keys[0] ?? ''].join('.')
    return new InferenceError(
      'invalid_request',
      `field '${field}' is not accepted: it is unknown or would steer the engine`,
      { details: { param: field } },
    )
  }
  const param = path.join('.')
  const where = param === '' ? '' : `${param}: `
  return new InferenceError('invalid_request', `${where}${issue?.message ?? 'invalid'}`, {
    details: param === '' ? {} : { param },
  })
}

/** What a model's engine must offer to serve a request. */
export interface Requirements {
  readonly capabilities: readonly Capability[]
  /** Fields that change the answer and that not every engine takes. */
  readonly fields: readonly string[]
}

/** Fields that not every engine takes, with the value that asks for nothing. */
const OPTIONAL_FIELDS: readonly (readonly [field: string, neutral: unknown])[] = [
  ['n', 1],
  ['presence_penalty', 0],
  ['frequency_penalty', 0],
  ['logit_bias', undefined],
  ['top_k', undefined],
  ['min_p', 0],
  ['repeat_penalty', 1],
  ['reasoning_effort', undefined],
  ['parallel_tool_calls', true],
  ['echo', false],
  ['dimensions', undefined],
]

/** Which capabilities and optional fields a request needs. */
export function requirementsOf(request: InferenceRequest): Requirements {
  const body = request.body as unknown as Readonly<Record<string, unknown>>
  const fields = OPTIONAL_FIELDS.filter(([field, neutral]) => {
    const value = body[field]
    return value !== undefined && value !== null && value !== neutral
  }).map(([field]) => field)
  return { capabilities: capabilitiesOf(request), fields }
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
