import * as z from 'zod'
import { InferenceError } from './errors.ts'
import type { InferenceKind } from './frames.ts'
import { withoutIdle } from './idle-fields.ts'
import { measureJson, parsedBytes } from './json-shape.ts'
import { LIMITS } from './limits.ts'
import { listOf } from './list-of.ts'
import type { ChatRequest, CompletionRequest, EmbeddingRequest, Prompt } from './openai.ts'
import type { ScoreRequest } from './score.ts'

/** A validated request, discriminated by kind. */
export type InferenceRequest =
  | { readonly kind: 'chat'; readonly body: ChatRequest }
  | { readonly kind: 'completion'; readonly body: CompletionRequest }
  | { readonly kind: 'embedding'; readonly body: EmbeddingRequest }
  | { readonly kind: 'score'; readonly body: ScoreRequest }

/** A request that the engine answers with output of its own. */
export type AnswerRequest = Exclude<InferenceRequest, { readonly kind: 'score' }>

const text = z.string()
/** A cache hint without effect: peers decide by themselves which prompts to keep. */
const cached = { cache_control: z.unknown().optional() }
const optionalNumber = (min: number, max: number) => z.number().min(min).max(max).nullish()
const optionalInteger = (min: number, max: number) => z.int().min(min).max(max).nullish()
const name = z.string().min(1).max(LIMITS.maxNameLength)

const stop = z
  .union([
    z.string().max(LIMITS.maxStopLength),
    z.array(z.string().min(1).max(LIMITS.maxStopLength)).max(LIMITS.maxStopStrings),
  ])
  .nullish()

/** Caps the requested length: no answer on the wire can be longer. */
const answerTokens = z
  .int()
  .min(1)
  .nullish()
  .transform((tokens) => (tokens == null ? tokens : Math.min(tokens, LIMITS.maxTokenIds)))

const logitBias = z
  .custom<Readonly<Record<string, unknown>>>(
    (value) => typeof value !== 'object' || value === null || hasAtMost(value, LIMITS.maxLogitBias),
    { error: `at most ${LIMITS.maxLogitBias} tokens can be biased`, abort: true },
  )
  .pipe(z.record(z.string(), z.number().min(-100).max(100)))

const sampling = {
  model: name,
  max_tokens: answerTokens,
  temperature: optionalNumber(0, 2),
  top_p: optionalNumber(0, 1),
  stop,
  seed: optionalInteger(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  n: optionalInteger(1, LIMITS.maxChoices),
  presence_penalty: optionalNumber(-2, 2),
  frequency_penalty: optionalNumber(-2, 2),
  logit_bias: logitBias.nullish(),
  // Some engines use -1 for no limit, others for 0.
  top_k: optionalInteger(-1, 100_000).transform((value) => (value === -1 ? 0 : value)),
  min_p: optionalNumber(0, 1),
  repeat_penalty: optionalNumber(0, 10),
  prompt_cache_key: z.string().max(LIMITS.maxNameLength).nullish(),
}

const textPart = z
  .strictObject({ type: z.literal('text'), text, ...cached })
  .transform(({ type, text }) => ({ type, text }))
/** A model's refusal, sent back as part of the conversation. */
const refusalPart = z
  .strictObject({ type: z.literal('refusal'), refusal: text })
  .transform(({ refusal }) => ({ type: 'text' as const, text: refusal }))
const imagePart = z
  .strictObject({
    ...cached,
    type: z.literal('image_url'),
    image_url: z.strictObject({
      url: z
        .string()
        .startsWith('data:', 'only data: URLs are accepted: a node fetches no other URLs'),
      detail: z
        .string()
        .max(16)
        .nullish()
        .transform((detail) => detail ?? undefined),
    }),
  })
  .transform(({ type, image_url }) => ({ type, image_url }))
const toolCall = z
  .strictObject({
    id: z.string().max(LIMITS.maxNameLength),
    type: z.literal('function'),
    function: z.strictObject({ name, arguments: text }),
    // Its index in the stream.
    index: z.int().min(0).optional(),
    ...cached,
  })
  .transform(({ id, type, function: called }) => ({ id, type, function: called }))
/** An answer that is sent back as part of the conversation carries fields that no engine reads. */
const message = z
  .strictObject({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
    content: z
      .union([
        text,
        listOf(z.union([textPart, imagePart, refusalPart]), { max: LIMITS.maxContentParts }),
      ])
      .nullish(),
    name: name.nullish(),
    tool_calls: listOf(toolCall, { max: LIMITS.maxTools }).nullish(),
    tool_call_id: z.string().max(LIMITS.maxNameLength).nullish(),
    refusal: text.nullish(),
    reasoning_content: text.nullish(),
    reasoning: z.unknown().optional(),
    reasoning_details: z.unknown().optional(),
    ...cached,
    annotations: z.array(z.unknown()).nullish(),
    audio: z.null().optional(),
    function_call: z.null().optional(),
  })
  .transform(({ role, content, name, tool_calls, tool_call_id, refusal }) => ({
    role,
    ...(content !== undefined && { content: content ?? refusal ?? null }),
    ...(typeof name === 'string' && { name }),
    ...(tool_calls && tool_calls.length > 0 && { tool_calls }),
    ...(typeof tool_call_id === 'string' && { tool_call_id }),
  }))

const schemaObject = z
  .record(z.string(), z.unknown())
  .refine((value) => depthOf(value) <= LIMITS.maxSchemaDepth, {
    error: `a schema may nest ${LIMITS.maxSchemaDepth} levels`,
  })
const tool = z
  .strictObject({
    type: z.literal('function'),
    function: z
      .strictObject({
        name,
        description: text.nullish(),
        parameters: schemaObject.nullish(),
        strict: z.boolean().nullish(),
      })
      .transform(({ name, ...about }) => ({ name, ...withoutNulls(about) })),
    ...cached,
  })
  .transform(({ type, function: called }) => ({ type, function: called }))
function withoutNulls<T extends object>(value: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(value).filter(([, one]) => one !== undefined && one !== null)
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> }
}

const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.strictObject({ type: z.literal('function'), function: z.strictObject({ name }) }),
])
const responseFormat = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    json_schema: z
      .strictObject({
        name,
        description: text.nullish(),
        schema: schemaObject.nullish(),
        strict: z.boolean().nullish(),
      })
      .transform(({ name, ...about }) => ({ name, ...withoutNulls(about) })),
  }),
])

const asked = {
  chat: z.strictObject({
    ...sampling,
    messages: listOf(message, { min: 1, max: LIMITS.maxMessages }),
    max_completion_tokens: answerTokens,
    logprobs: z.boolean().nullish(),
    top_logprobs: optionalInteger(0, LIMITS.maxTopLogprobs),
    tools: listOf(tool, { max: LIMITS.maxTools }).nullish(),
    tool_choice: toolChoice.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    response_format: responseFormat.nullish(),
    reasoning_effort: z.string().max(32).nullish(),
    verbosity: z.string().max(32).nullish(),
  }),
  completion: z.strictObject({
    ...sampling,
    prompt: z.union([text, listOf(z.int().min(0), { min: 1, max: LIMITS.maxTokenIds })]),
    echo: z.boolean().nullish(),
    logprobs: optionalInteger(0, LIMITS.maxTopLogprobs),
  }),
} as const

const embeddingText = z.string().min(1)
const embeddingIds = listOf(z.int().min(0), { min: 1, max: LIMITS.maxTokenIds })
const EMBEDDED = { min: 1, max: LIMITS.maxEmbeddingInputs }

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
      error: 'positions: expected ascending positions of the completion',
      path: ['positions'],
    }),
  embedding: z.strictObject({
    model: name,
    input: z.union([
      embeddingText,
      embeddingIds,
      listOf(embeddingText, EMBEDDED),
      listOf(embeddingIds, EMBEDDED),
    ]),
    dimensions: optionalInteger(1, 65_536),
    encoding_format: z.enum(['float', 'base64']).nullish(),
  }),
} as const

/** The inputs of a request for embeddings, one for each vector. A list of numbers is one input, as token ids. */
export function embeddingInputs(input: EmbeddingRequest['input']): readonly Prompt[] {
  if (typeof input === 'string') return [input]
  return isTokenIds(input) ? [input] : (input as readonly Prompt[])
}

function isTokenIds(input: readonly unknown[]): input is readonly number[] {
  return typeof input[0] === 'number'
}

function hasAtMost(value: object, most: number): boolean {
  let count = 0
  for (const _ in value) if (++count > most) return false
  return true
}

function isAscending(positions: readonly number[], end: number): boolean {
  return positions.every((at, index) => at < end && at > (positions[index - 1] ?? -1))
}

/** Nesting depth of a JSON value; counting stops above `most`. */
export function depthOf(value: unknown, most: number = LIMITS.maxSchemaDepth): number {
  if (typeof value !== 'object' || value === null) return 0
  let deepest = 0
  const stack: [object, number][] = [[value, 1]]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [object, depth] = top
    deepest = Math.max(deepest, depth)
    if (deepest > most) return deepest
    for (const child of Object.values(object)) {
      if (typeof child === 'object' && child !== null) stack.push([child, depth + 1])
    }
  }
  return deepest
}

/**
 * Validates a request against the allow-list of fields. Fields that cannot change an answer are dropped;
 * one that is not on the list (`chat_template`, `num_ctx`, `keep_alive` and other fields that control an engine)
 * is refused by name.
 *
 * @throws InferenceError `invalid_request`, with `details.param`.
 */
export function parseRequest(kind: AnswerRequest['kind'], body: unknown): AnswerRequest
export function parseRequest(kind: InferenceKind, body: unknown): InferenceRequest
export function parseRequest(kind: InferenceKind, body: unknown): InferenceRequest {
  if (typeof body === 'object' && body !== null && !hasAtMost(body, LIMITS.maxFields)) {
    throw new InferenceError('invalid_request', `a request has at most ${LIMITS.maxFields} fields`)
  }
  if (depthOf(body, LIMITS.maxJsonDepth) > LIMITS.maxJsonDepth) {
    const message = `the request nests more than ${LIMITS.maxJsonDepth} levels`
    throw new InferenceError('invalid_request', message)
  }
  const parsed = schemas[kind].safeParse(withoutIdle(body))
  if (!parsed.success) throw refusal(parsed.error)
  const request = { kind, body: parsed.data } as InferenceRequest
  if (request.kind === 'chat') checkToolChoice(request.body)
  return request
}

/** OpenAI rejects both too: otherwise a choice that no tool can satisfy would be answered with text. */
function checkToolChoice({ tools, tool_choice: choice }: ChatRequest): void {
  if (choice === undefined || choice === null || choice === 'auto' || choice === 'none') return
  const names = (tools ?? []).map((offered) => offered.function.name)
  const isMet = choice === 'required' ? names.length > 0 : names.includes(choice.function.name)
  if (isMet) return
  const wanted = choice === 'required' ? 'a tool' : `the tool '${choice.function.name}'`
  throw new InferenceError(
    'invalid_request',
    `tool_choice requires ${wanted}, which is not in tools`,
    {
      details: { param: 'tool_choice' },
    },
  )
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
  return parseRequest(kind, requestJson(bytes))
}

/**
 * The bytes of a request as JSON, not validated: first apply {@link measureJson}.
 *
 * @throws InferenceError `invalid_request`
 */
export function requestJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new InferenceError('invalid_request', 'the request is not JSON', { cause })
  }
}

function refusal(error: z.ZodError): InferenceError {
  const issue = error.issues[0]
  const path = issue?.path.map(String) ?? []
  if (issue?.code === 'unrecognized_keys') {
    const field = [...path, issue.keys[0] ?? ''].join('.')
    return new InferenceError(
      'invalid_request',
      `field '${field}' is not accepted: it is unknown or would control the engine`,
      { details: { param: field } },
    )
  }
  const param = path.join('.')
  const where = param === '' ? '' : `${param}: `
  return new InferenceError('invalid_request', `${where}${issue?.message ?? 'invalid'}`, {
    details: param === '' ? {} : { param },
  })
}
