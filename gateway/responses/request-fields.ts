import * as z from 'zod'
import { LIMITS, listOf } from '../../protocol/index.ts'
import { fields } from '../answering/index.ts'
import type { ResponseFields } from './request.ts'

const { ignored, name, schema } = fields
const stateless = z.null('responses are not stored here, send the whole input').optional()

const text = z.strictObject({
  type: z.enum(['input_text', 'output_text']),
  text: z.string(),
  annotations: ignored,
  logprobs: ignored,
  parsed: ignored,
})
const refusal = z.strictObject({ type: z.literal('refusal'), refusal: z.string() })
const image = z.strictObject({
  type: z.literal('input_image'),
  image_url: z
    .string()
    .startsWith('data:', 'only data: URLs are accepted: a node fetches no other URLs'),
  detail: z.enum(['low', 'high', 'auto', 'original']).nullish(),
  file_id: z.null('no files are stored here: send the image as a data: URL').optional(),
})
const content = z.union([
  z.string(),
  listOf(
    z.discriminatedUnion('type', [text, refusal, image], 'expected text, images or refusals'),
    { max: LIMITS.maxContentParts },
  ),
])

const message = z.strictObject({
  type: z.literal('message'),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content,
  id: ignored,
  status: ignored,
  phase: ignored,
})
const call = z.strictObject({
  type: z.literal('function_call'),
  call_id: name,
  name,
  namespace: z.string().nullish(),
  arguments: z.string(),
  id: ignored,
  status: ignored,
  // Fields that OpenAI's helpers add to an answer before they send it back.
  parsed_arguments: ignored,
})
const customCall = z.strictObject({
  type: z.literal('custom_tool_call'),
  call_id: name,
  name,
  namespace: z.string().nullish(),
  input: z.string(),
  id: ignored,
  status: ignored,
})
const callOutput = z.strictObject({
  type: z.enum(['function_call_output', 'custom_tool_call_output']),
  name: ignored,
  call_id: name,
  output: content,
  id: ignored,
  status: ignored,
})
/** Reasoning of earlier turns is not passed to the model. */
const unread = z.looseObject({ type: z.literal('reasoning') })

/** The type of a message is optional. */
const item = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && !('type' in value)
      ? { type: 'message', ...value }
      : value,
  z.discriminatedUnion(
    'type',
    [message, call, customCall, callOutput, unread],
    'expected a message, function_call, custom_tool_call, an output of one, or reasoning',
  ),
)

const functionTool = z.strictObject({
  type: z.literal('function'),
  name,
  description: z.string().nullish(),
  parameters: schema.nullish(),
  output_schema: ignored,
  strict: z.boolean().nullish(),
  // A deferred tool is offered at once: there is no tool search.
  defer_loading: z.boolean().nullish(),
})
const customTool = z.strictObject({
  type: z.literal('custom'),
  name,
  description: z.string().nullish(),
  format: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('text') }),
      z.strictObject({ type: z.literal('grammar'), syntax: z.string(), definition: z.string() }),
    ])
    .nullish(),
  defer_loading: z.boolean().nullish(),
})
const namespace = z.strictObject({
  type: z.literal('namespace'),
  name,
  description: z.string().nullish(),
  tools: z.array(z.discriminatedUnion('type', [functionTool, customTool])).max(LIMITS.maxTools),
})
const tool = z.discriminatedUnion('type', [functionTool, customTool, namespace])
const namedTool = z.strictObject({ type: z.enum(['function', 'custom']), name })
const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.discriminatedUnion('type', [
    namedTool,
    z.strictObject({
      type: z.literal('allowed_tools'),
      mode: z.enum(['auto', 'required']),
      tools: z.array(namedTool).min(1),
    }),
  ]),
])
const format = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    name,
    schema,
    description: z.string().nullish(),
    strict: z.boolean().nullish(),
  }),
])

/** Optional output: only log probabilities have an effect here. */
const INCLUDABLE = [
  'message.output_text.logprobs',
  'reasoning.encrypted_content',
  'message.input_image.image_url',
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'code_interpreter_call.outputs',
  'computer_call_output.output.image_url',
] as const

/** The body of `POST /v1/responses`. */
export const responseFields: z.ZodType<ResponseFields> = z.strictObject({
  model: fields.model,
  models: fields.models,
  input: z.union([z.string(), listOf(item, { max: LIMITS.maxMessages })]),
  instructions: z.string().nullish(),
  tools: z.array(tool).max(LIMITS.maxTools).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z
    .strictObject({
      format: format.nullish(),
      verbosity: z.string().max(32).nullish(),
    })
    .nullish(),
  reasoning: z
    // Summaries and their like are about how thoughts are shown.
    .looseObject({ effort: z.string().max(32).nullish() })
    .nullish(),
  max_output_tokens: fields.tokens.nullish(),
  temperature: fields.temperature,
  top_p: fields.topP,
  top_logprobs: fields.topLogprobs,
  include: listOf(z.enum(INCLUDABLE), { max: 64 }).nullish(),
  prompt_cache_key: name.nullish(),
  stream: z.boolean().nullish(),
  // Sampling fields of OpenAI's chats, and extensions.
  stop: z.union([fields.stop, z.string().min(1)]).nullish(),
  seed: fields.seed,
  presence_penalty: fields.penalty,
  frequency_penalty: fields.penalty,
  top_k: fields.topK,
  min_p: fields.minP,
  repeat_penalty: fields.repeatPenalty,
  // Without effect: a prompt that is too long is always an error.
  truncation: z.enum(['auto', 'disabled']).nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  user: z.string().nullish(),
  store: z.boolean().nullish(),
  safety_identifier: z.string().nullish(),
  service_tier: z.string().nullish(),
  stream_options: z.looseObject({ include_obfuscation: z.boolean().nullish() }).nullish(),
  prompt_cache_retention: z.string().nullish(),
  client_metadata: z.record(z.string(), z.unknown()).nullish(),
  max_tool_calls: z.int().min(1).nullish(),
  // Fields that need stored state.
  background: z.literal(false, 'responses cannot run in the background here').nullish(),
  conversation: stateless,
  previous_response_id: stateless,
  prompt: z.null('prompt templates are not stored here').optional(),
})
