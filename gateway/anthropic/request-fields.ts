import * as z from 'zod'
import { LIMITS, listOf } from '../../protocol/index.ts'
import { fields } from '../answering/index.ts'
import type { MessageFields, PromptFields } from './request.ts'

const PARTS = { max: LIMITS.maxContentParts }

const { ignored, name, schema } = fields
/** A cache hint without effect: peers decide by themselves which prompts to keep. */
const cached = { cache_control: ignored }

const text = z.strictObject({
  ...cached,
  type: z.literal('text'),
  text: z.string(),
  citations: ignored,
})
const image = z.strictObject({
  ...cached,
  type: z.literal('image'),
  source: z.discriminatedUnion(
    'type',
    [
      z.strictObject({
        type: z.literal('base64'),
        media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
        data: z.string().min(1),
      }),
    ],
    'images have to be sent as base64: URLs are not fetched, and no files are stored here',
  ),
})
const toolUse = z.strictObject({
  ...cached,
  type: z.literal('tool_use'),
  id: name,
  name,
  input: z.record(z.string(), z.unknown()),
  caller: ignored,
})
const toolResult = z.strictObject({
  ...cached,
  type: z.literal('tool_result'),
  tool_use_id: name,
  content: z
    .union([
      z.string(),
      listOf(
        z.discriminatedUnion('type', [text, image], 'a tool_result may have text and images'),
        PARTS,
      ),
    ])
    .optional(),
  is_error: z.boolean().optional(),
})
/** Thinking of earlier turns is not passed to the model. */
const thoughts = [
  z.looseObject({ type: z.literal('thinking') }),
  z.looseObject({ type: z.literal('redacted_thinking') }),
] as const

const READ =
  'expected text, an image, tool_use, tool_result, thinking, or a document or search result of text'
const message = z.discriminatedUnion('role', [
  z.strictObject({
    role: z.literal('user'),
    content: z.union([
      z.string(),
      listOf(z.discriminatedUnion('type', [text, image, toolResult, ...thoughts], READ), PARTS),
    ]),
  }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.union([
      z.string(),
      listOf(z.discriminatedUnion('type', [text, toolUse, ...thoughts], READ), PARTS),
    ]),
  }),
  z.strictObject({
    role: z.literal('system'),
    content: z.union([z.string(), listOf(text, PARTS)]),
  }),
])

const tool = z.strictObject({
  ...cached,
  type: z.literal('custom', 'only the caller’s own tools are supported here').nullish(),
  name,
  description: z.string().optional(),
  input_schema: schema,
  strict: z.boolean().optional(),
  // A deferred tool is offered at once: there is no tool search.
  defer_loading: z.boolean().optional(),
  eager_input_streaming: ignored,
  input_examples: z.tuple([]).optional(),
})
const parallel = { disable_parallel_tool_use: z.boolean().optional() }
const toolChoice = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('auto'), ...parallel }),
  z.strictObject({ type: z.literal('any'), ...parallel }),
  z.strictObject({ type: z.literal('tool'), name, ...parallel }),
  z.strictObject({ type: z.literal('none') }),
])
const display = { display: ignored }
const thinking = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('disabled') }),
  z.strictObject({ type: z.literal('adaptive'), ...display }),
  z.strictObject({ type: z.literal('enabled'), budget_tokens: z.int().min(1), ...display }),
])
/** Earlier thinking is never passed on, so clearing it has no effect. */
export const CLEARS_THINKING = 'clear_thinking_20251015'
/** Other edits shorten a long conversation, which is passed on whole here. */
const edit = z.looseObject({ type: z.string() })

const prompt = {
  model: fields.model,
  models: fields.models,
  messages: listOf(message, { min: 1, max: LIMITS.maxMessages }),
  system: z.union([z.string(), listOf(text, PARTS)]).optional(),
  tools: z.array(tool).max(LIMITS.maxTools).optional(),
  tool_choice: toolChoice.optional(),
  thinking: thinking.optional(),
  output_config: z
    .strictObject({
      effort: z.string().max(32).nullish(),
      format: z.strictObject({ type: z.literal('json_schema'), schema }).nullish(),
      /** How many tokens a task may take; not known to engines. */
      task_budget: z.looseObject({}).nullish(),
    })
    .optional(),
  context_management: z.strictObject({ edits: listOf(edit, PARTS).optional() }).nullish(),
  ...cached,
}

/** The body of `POST /v1/messages`. */
export const messageFields: z.ZodType<MessageFields> = z.strictObject({
  ...prompt,
  max_tokens: fields.tokens,
  temperature: fields.temperature,
  top_p: fields.topP,
  top_k: fields.topK,
  stop_sequences: fields.stop.optional(),
  stream: z.boolean().optional(),
  // Extensions.
  seed: fields.seed,
  min_p: fields.minP,
  repeat_penalty: fields.repeatPenalty,
  presence_penalty: fields.penalty,
  frequency_penalty: fields.penalty,
  // Without effect.
  metadata: z.looseObject({ user_id: z.string().nullish() }).optional(),
  service_tier: z.string().optional(),
  inference_geo: z.null().optional(),
  speed: z.literal('standard').optional(),
  container: z.null('containers are not supported here').optional(),
  thread: z.null('conversations are not stored here: send all messages').optional(),
  mcp_servers: z.tuple([], 'MCP servers are not supported here').optional(),
})

/** The body of `POST /v1/messages/count_tokens`. */
export const countFields: z.ZodType<PromptFields> = z.strictObject(prompt)
