import * as z from 'zod'
import type { InferenceKind } from './frames.ts'
import { depthOf, hasAtMost } from './json-bounds.ts'
import { LIMITS } from './limits.ts'
import { listOf } from './list-of.ts'

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
  .pipe(
    z.record(z.string().regex(/^\d{1,10}$/, 'expected token ids'), z.number().min(-100).max(100)),
  )

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
  .transform(({ role, content, name, tool_calls, tool_call_id, refusal, ...thoughts }) => ({
    role,
    ...(content !== undefined && { content: content ?? refusal ?? null }),
    ...(typeof name === 'string' && { name }),
    ...(tool_calls && tool_calls.length > 0 && { tool_calls }),
    ...(typeof tool_call_id === 'string' && { tool_call_id }),
    ...(role === 'assistant' && thoughtsOf(thoughts)),
  }))

/** Under OpenRouter's and newer vLLMs' name, too. */
function thoughtsOf({
  reasoning_content: thought,
  reasoning = thought,
}: {
  readonly reasoning_content?: string | null | undefined
  readonly reasoning?: unknown
}): { readonly reasoning_content?: string } {
  const given = thought ?? reasoning
  return typeof given === 'string' && given !== '' ? { reasoning_content: given } : {}
}

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
    prompt: z.union(
      [text, listOf(z.int().min(0), { min: 1, max: LIMITS.maxTokenIds })],
      'expected a text or token ids, or a list of these',
    ),
    echo: z.boolean().nullish(),
    logprobs: optionalInteger(0, LIMITS.maxTopLogprobs),
  }),
}

const embeddingText = z.string().min(1)
const embeddingIds = listOf(z.int().min(0), { min: 1, max: LIMITS.maxTokenIds })
const EMBEDDED = { min: 1, max: LIMITS.maxEmbeddingInputs }

const tokenIds = listOf(z.int().min(0), { min: 1, max: LIMITS.maxScoredTokens })

/** The allow-list of fields for each kind of request. */
export const schemas: Readonly<Record<InferenceKind, z.ZodType>> = {
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
}

function isAscending(positions: readonly number[], end: number): boolean {
  return positions.every((at, index) => at < end && at > (positions[index - 1] ?? -1))
}
