import * as z from 'zod'
import { InferenceError } from './errors.ts'

/** Accepted from callers and dropped, since they cannot change an answer: OpenAI's fields with their types. The wire always streams. */
export const DROPPED: Readonly<Record<string, z.ZodType>> = {
  user: z.string(),
  metadata: z.record(z.string(), z.string()),
  store: z.boolean(),
  service_tier: z.string(),
  safety_identifier: z.string(),
  prompt_cache_retention: z.string(),
  prediction: z.looseObject({ type: z.literal('content') }),
  stream: z.boolean(),
  stream_options: z.looseObject({
    include_usage: z.boolean().nullish(),
    include_obfuscation: z.boolean().nullish(),
  }),
}

/** No-op values of fields that no engine here offers, or that duplicate another field. */
export const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  best_of: [1],
  suffix: [''],
  function_call: ['auto', 'none'],
  repetition_penalty: [1],
  length_penalty: [1],
  typical_p: [1],
  tfs_z: [1],
  top_a: [0],
  mirostat: [0],
  dry_multiplier: [0],
  xtc_probability: [0],
  min_tokens: [0],
  use_beam_search: [false],
  ignore_eos: [false],
  skip_special_tokens: [true],
  spaces_between_special_tokens: [true],
  add_generation_prompt: [true],
  include_stop_str_in_output: [false],
}

/** No-op values of known fields that would be out of bounds. */
const EMPTY: Readonly<Record<string, (value: unknown) => boolean>> = {
  stop: (value) => value === '' || isEmptyList(value),
  tools: isEmptyList,
  functions: isEmptyList,
  logit_bias: (value) => isObject(value) && Object.keys(value).length === 0,
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === 'text',
}

/**
 * Removes fields without effect: `null`, which counts as absent; fields that cannot change an answer; and
 * no-op values of any other field.
 *
 * @throws InferenceError `invalid_request` for a dropped field of the wrong type
 */
export function withoutIdle(body: unknown): unknown {
  if (!isObject(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([field, value]) => !isIdle(field, value)))
}

function isIdle(field: string, value: unknown): boolean {
  if (value === null) return true
  if (Object.hasOwn(NEUTRAL, field) && NEUTRAL[field]?.includes(value) === true) return true
  if (Object.hasOwn(EMPTY, field) && EMPTY[field]?.(value) === true) return true
  const type = Object.hasOwn(DROPPED, field) ? DROPPED[field] : undefined
  if (type === undefined) return false
  const { error } = type.safeParse(value)
  if (error === undefined) return true
  const [issue] = error.issues
  const param = [field, ...(issue?.path ?? [])].map(String).join('.')
  throw new InferenceError('invalid_request', `${param}: ${issue?.message ?? 'invalid'}`, {
    details: { param },
  })
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}
