import * as z from 'zod'
import { LIMITS, listOf } from '../../protocol/index.ts'
import { fields } from '../answering/index.ts'
import { optionFields } from './options.ts'
import type {
  ChatFields,
  EmbeddingsFields,
  EmbedFields,
  GenerateFields,
  PullFields,
  ShowFields,
} from './request.ts'

const { ignored, name, schema } = fields

const images = listOf(z.string().min(1), { max: LIMITS.maxContentParts }).nullish()
const call = z.strictObject({
  id: name.optional(),
  type: z.literal('function').optional(),
  function: z.strictObject({
    name,
    arguments: z.record(z.string(), z.unknown()),
    index: ignored,
    description: ignored,
  }),
})
const message = z.strictObject({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string().nullish(),
  images,
  tool_calls: listOf(call, { max: LIMITS.maxTools }).nullish(),
  tool_name: name.optional(),
  tool_call_id: name.optional(),
  name: name.optional(),
  /** Thinking of earlier turns is not passed to the model. */
  thinking: ignored,
})
const tool = z.strictObject({
  type: z.literal('function', 'only tools of type function are supported here').optional(),
  function: z.strictObject({
    name,
    description: z.string().nullish(),
    parameters: schema.nullish(),
    strict: z.boolean().nullish(),
    type: ignored,
  }),
})

const common = {
  model: fields.model,
  models: fields.models,
  options: optionFields.nullish(),
  /** How long an engine keeps a model in memory; does not change an answer. */
  keep_alive: z.union([z.string(), z.number()]).nullish(),
  /** Older name of `model`, which the command line sends empty. */
  name: z.literal('').optional(),
}
const asked = {
  ...common,
  stream: z.boolean().nullish(),
  format: z.union([z.enum(['json', '']), schema]).nullish(),
  think: z.literal([true, false, 'low', 'medium', 'high', '']).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: fields.topLogprobs,
  /** Whether an engine may truncate: here a prompt that is too long is an error, and an answer ends at the end of the context. */
  truncate: z.boolean().nullish(),
  shift: z.boolean().nullish(),
}
const noText = (message: string) => z.literal('', message).nullish()

/** The body of `POST /api/chat`. */
export const chatFields: z.ZodType<ChatFields> = z.strictObject({
  ...asked,
  messages: listOf(message, { max: LIMITS.maxMessages }).nullish(),
  tools: z.array(tool).max(LIMITS.maxTools).nullish(),
  raw: z.literal(false).nullish(),
})

/** The body of `POST /api/generate`. */
export const generateFields: z.ZodType<GenerateFields> = z.strictObject({
  ...asked,
  prompt: z.string().nullish(),
  system: z.string().nullish(),
  images,
  raw: z.boolean().nullish(),
  suffix: noText('fill-in-the-middle is not supported'),
  template: noText("a model's template cannot be replaced"),
  context: z.tuple([], 'conversations are not stored here: send the whole conversation').nullish(),
})

/** The body of `POST /api/embed`. A text that is too long is always an error. */
export const embedFields: z.ZodType<EmbedFields> = z.strictObject({
  ...common,
  input: z.union([z.string(), z.array(z.string())]),
  dimensions: z.int().min(1).max(65_536).nullish(),
  truncate: ignored,
})

/** The body of the older `POST /api/embeddings`. */
export const embeddingsFields: z.ZodType<EmbeddingsFields> = z.strictObject({
  ...common,
  prompt: z.string(),
})

/** The body of `POST /api/pull`. */
export const pullFields: z.ZodType<PullFields> = z.looseObject({
  model: z.string().optional(),
  name: z.string().optional(),
  stream: z.boolean().optional(),
})

/** The body of `POST /api/show` and `DELETE /api/delete`. */
export const showFields: z.ZodType<ShowFields> = z.looseObject({
  model: z.string().optional(),
  name: z.string().optional(),
})
