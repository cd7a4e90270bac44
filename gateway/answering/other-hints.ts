import * as z from 'zod'
import type { ChatRequest } from '../../protocol/index.ts'

type Body = Readonly<Record<string, unknown>>
type Hints = Pick<
  ChatRequest,
  'parallel_tool_calls' | 'prompt_cache_key' | 'reasoning_effort' | 'verbosity'
>

/** Hints that a request gives by names of other APIs. */
export interface OtherHints {
  /** The request without them. */
  readonly body: Body
  /** Those that chats have, by OpenAI's names. */
  readonly asked: Partial<Hints>
  /** The caller's names of these. */
  readonly names: Readonly<Record<string, string>>
  /** Names of those that no engine here takes. */
  readonly left: readonly string[]
}

/** Fields, and what each may hold. */
type Fields<T extends z.ZodType = z.ZodType> = readonly (readonly [name: string, type: T])[]

/** Switched on it asks for no certain effort. */
const SWITCH = z.boolean().transform((on) => (on ? undefined : 'none'))
const BUDGET = z.number().transform((tokens) => (tokens === 0 ? 'none' : undefined))
const EFFORT = z.string().max(32)

/** Fields that say how much thinking is wanted, and the effort that each asks for. */
const EFFORTS: Fields<z.ZodType<string | undefined>> = Object.entries({
  reasoning_effort: EFFORT,
  enable_thinking: SWITCH,
  think: z.union([SWITCH, EFFORT]),
  thinking: z.union([
    SWITCH,
    z
      .looseObject({ type: z.enum(['enabled', 'disabled', 'adaptive', 'auto']) })
      .transform(({ type }) => (type === 'disabled' ? 'none' : undefined)),
  ]),
  thinking_budget: BUDGET,
  reasoning_budget: BUDGET,
  chat_template_kwargs: z
    .strictObject({
      enable_thinking: z.boolean().optional(),
      thinking: z.boolean().optional(),
      thinking_budget: z.number().optional(),
      reasoning_effort: EFFORT.optional(),
    })
    .transform(({ enable_thinking: on, thinking = on, reasoning_effort: effort }) =>
      thinking === false ? 'none' : effort,
    ),
  reasoning: z
    .looseObject({ effort: EFFORT.nullish(), enabled: z.boolean().nullish() })
    .transform(({ effort, enabled }) => (enabled === false ? 'none' : (effort ?? undefined))),
  output_config: z
    .strictObject({ effort: EFFORT.nullish() })
    .transform(({ effort }) => effort ?? undefined),
})

const VERBOSITIES: Fields<z.ZodType<string | undefined>> = Object.entries({
  verbosity: z.string().max(32),
  text: z
    .strictObject({ verbosity: z.string().max(32).nullish() })
    .transform(({ verbosity }) => verbosity ?? undefined),
})

const PARALLEL: Fields<z.ZodType<boolean | undefined>> = Object.entries({
  parallel_tool_calls: z.boolean(),
  disable_parallel_tool_use: z.boolean().transform((isOff) => !isOff),
})

const CACHE_KEYS: Fields = Object.entries({ prompt_cache_key: z.string().max(512) })

/** Fields that change nothing about the meaning of an answer: where prompts are kept, how thoughts are shown, a hosted tool. */
const UNUSED: Fields = Object.entries({
  cache_prompt: z.boolean(),
  cache_control: z.looseObject({ type: z.string() }),
  prompt_cache_retention: z.string(),
  prompt_cache_options: z.looseObject({}),
  keep_alive: z.union([z.string(), z.number()]),
  include_reasoning: z.boolean(),
  separate_reasoning: z.boolean(),
  stream_reasoning: z.boolean(),
  reasoning_split: z.boolean(),
  reasoning_format: z.string(),
  web_search_options: z.looseObject({}),
  usage: z.strictObject({ include: z.boolean() }),
  // Where OpenAI would shorten a long conversation, which is passed on whole here.
  context_management: z.array(z.looseObject({})),
  session_id: z.string(),
  request_id: z.string(),
  speed: z.literal('fast'),
  // Values without effect.
  transforms: z.tuple([]),
  plugins: z.tuple([]),
  extra_body: z.strictObject({}),
  n_probs: z.literal(0),
  priority: z.literal(0),
})

/** One of these fields. */
interface Field {
  readonly name: string
  readonly type: z.ZodType
  /** What it asks for. Absent if it changes nothing. */
  readonly hint?: keyof Hints
  /** Its place in the order in which they are looked for. */
  readonly at: number
}

const FIELDS: ReadonlyMap<string, Field> = new Map(
  [
    ...UNUSED.map(([name, type]) => ({ name, type })),
    ...EFFORTS.map(([name, type]) => ({ name, type, hint: 'reasoning_effort' as const })),
    ...VERBOSITIES.map(([name, type]) => ({ name, type, hint: 'verbosity' as const })),
    ...PARALLEL.map(([name, type]) => ({ name, type, hint: 'parallel_tool_calls' as const })),
    ...CACHE_KEYS.map(([name, type]) => ({ name, type, hint: 'prompt_cache_key' as const })),
  ].map((field, at) => [field.name, { ...field, at }]),
)

/**
 * Takes hints of other APIs out of a request, so that they do not refuse it. Values of another shape stay, and are named by
 * validation.
 *
 * @param own fields that the caller's dialect defines
 */
export function takeHints(sent: Body, own: readonly string[]): OtherHints {
  const given: Field[] = []
  for (const name of Object.keys(sent)) {
    const field = FIELDS.get(name)
    if (field !== undefined) given.push(field)
  }
  let body: Record<string, unknown> = sent
  const left: string[] = []
  const asked: Record<string, unknown> = {}
  const names: Record<string, string> = {}
  for (const { name, type, hint } of given.sort((one, other) => one.at - other.at)) {
    if (body[name] === null || own.includes(name)) continue
    const read = type.safeParse(body[name])
    if (!read.success) continue
    if (body === sent) body = { ...sent }
    delete body[name]
    const isFirst = hint !== undefined && read.data !== undefined && asked[hint] === undefined
    if (!isFirst) left.push(name)
    else {
      asked[hint] = read.data
      names[hint] = name
    }
  }
  return { body, asked, names, left }
}

/** A chat request with hints of other APIs, where its dialect's own do not say the same, and the names of all hints. */
export function withHints<T extends ChatRequest>(
  request: T,
  { asked, names, left }: Pick<OtherHints, 'asked' | 'left' | 'names'>,
  own: Readonly<Record<string, string>> = {},
): {
  readonly request: T
  readonly names: Readonly<Record<string, string>>
  readonly left: readonly string[]
} {
  if (Object.keys(asked).length === 0) return { request, names: own, left }
  const isSet = (hint: string): boolean => {
    const value = (request as unknown as Body)[hint]
    return value !== undefined && value !== null
  }
  const taken = Object.entries(asked).filter(([hint]) => !isSet(hint))
  const said = Object.keys(asked).filter(isSet)
  return {
    request: { ...request, ...Object.fromEntries(taken) },
    names: { ...own, ...Object.fromEntries(taken.map(([hint]) => [hint, names[hint] ?? hint])) },
    left: [...left, ...said.map((hint) => names[hint] ?? hint)],
  }
}
