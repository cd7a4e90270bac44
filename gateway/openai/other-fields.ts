import * as z from 'zod'
import type { JsonBody } from '../http/index.ts'

/** A chat request in OpenAI's fields, and what was left out of it. */
export interface OpenAiFields {
  readonly body: JsonBody
  /** Names of fields that were left out because no engine here takes them. */
  readonly left: readonly string[]
  /** The caller's name of `reasoning_effort`, if it has another. */
  readonly names: Readonly<Record<string, string>>
}

const SWITCH = z.boolean().transform((on) => (on ? undefined : 'none'))

/** Fields by which other APIs switch thinking off, or say how much of it is wanted, and the effort that each asks for. */
const EFFORTS: Readonly<Record<string, z.ZodType<string | undefined>>> = {
  enable_thinking: SWITCH,
  think: z.union([SWITCH, z.string()]),
  thinking: z
    .looseObject({ type: z.enum(['enabled', 'disabled', 'adaptive', 'auto']) })
    .transform(({ type }) => (type === 'disabled' ? 'none' : undefined)),
  chat_template_kwargs: z
    .strictObject({ enable_thinking: z.boolean().optional(), thinking: z.boolean().optional() })
    .transform(({ enable_thinking: on, thinking = on }) =>
      thinking === false ? 'none' : undefined,
    ),
  reasoning: z
    .looseObject({ effort: z.string().nullish(), enabled: z.boolean().nullish() })
    .transform(({ effort, enabled }) => (enabled === false ? 'none' : (effort ?? undefined))),
}

/** Fields that change nothing about the meaning of an answer: where prompts are kept, how thoughts are shown, a hosted tool. */
const UNUSED: Readonly<Record<string, z.ZodType>> = {
  cache_prompt: z.boolean(),
  keep_alive: z.union([z.string(), z.number()]),
  include_reasoning: z.boolean(),
  separate_reasoning: z.boolean(),
  stream_reasoning: z.boolean(),
  web_search_options: z.looseObject({}),
}

/**
 * Reads fields of other OpenAI-compatible APIs that ask nothing of an engine, so that they do not refuse a request.
 * Values of another shape are left to validation, which names them.
 */
export function inOpenAiFields(asked: JsonBody): OpenAiFields {
  const body: Record<string, unknown> = { ...asked, ...continued(asked) }
  const left: string[] = []
  let names = {}
  for (const [field, value] of Object.entries(UNUSED)) {
    if (!Object.hasOwn(body, field) || !value.safeParse(body[field]).success) continue
    delete body[field]
    left.push(field)
  }
  for (const [field, effort] of Object.entries(EFFORTS)) {
    const read = Object.hasOwn(body, field) ? effort.safeParse(body[field]) : undefined
    if (read?.success !== true) continue
    delete body[field]
    if (read.data === undefined || typeof body['reasoning_effort'] === 'string') left.push(field)
    else {
      body['reasoning_effort'] = read.data
      names = { reasoning_effort: field }
    }
  }
  return { body, left, names }
}

/** Marks of an answer that is to be continued: a final assistant message means that without them. */
const MARKS = ['prefix', 'partial'] as const

function continued(asked: JsonBody): JsonBody {
  const { messages, continue_final_message: goesOn, add_generation_prompt: begins } = asked
  if (!Array.isArray(messages)) return {}
  const last: unknown = messages.at(-1)
  if (!isAnswer(last)) return {}
  const isMarked = MARKS.some((mark) => last[mark] === true)
  return {
    ...(isMarked && { messages: [...messages.slice(0, -1), withoutMarks(last)] }),
    ...(goesOn === true && { continue_final_message: null }),
    ...(goesOn === true && begins === false && { add_generation_prompt: null }),
  }
}

function isAnswer(message: unknown): message is Readonly<Record<string, unknown>> {
  return typeof message === 'object' && message !== null && 'role' in message
    ? message.role === 'assistant'
    : false
}

function withoutMarks(message: Readonly<Record<string, unknown>>): object {
  const isMark = (field: string, value: unknown) =>
    value === true && MARKS.some((mark) => mark === field)
  return Object.fromEntries(
    Object.entries(message).filter(([field, value]) => !isMark(field, value)),
  )
}
