import * as z from 'zod'
import { ANSWER_PREFIX, type SamplingFields } from '../../protocol/index.ts'
import { fields, present, type SampledFields } from '../answering/index.ts'

/** Validated `options` of a request: those that are read. */
export interface OptionFields extends Omit<SampledFields, 'model' | 'models'> {
  readonly num_predict?: number | null | undefined
  readonly stop?: string | readonly string[] | null | undefined
  readonly num_ctx?: number | null | undefined
}

/** An option that controls an engine: only Ollama's default. */
const steers = (value: boolean | number) =>
  z.literal(value, 'it controls an engine, and engines belong to the peers').nullish()
const only = <T extends boolean | number>(value: T, field: string) =>
  z
    .literal(value, `no engine offers ${field}; only ${value} is accepted, which has no effect`)
    .nullish()

/** `options` of a request. */
export const optionFields: z.ZodType<OptionFields> = z.strictObject({
  temperature: fields.temperature,
  top_p: fields.topP,
  top_k: fields.topK,
  min_p: fields.minP,
  seed: fields.seed,
  repeat_penalty: fields.repeatPenalty,
  presence_penalty: fields.penalty,
  frequency_penalty: fields.penalty,
  /** 0, -1 and -2: no limit. */
  num_predict: z.union([z.literal([0, -1, -2]), fields.tokens]).nullish(),
  stop: z.union([fields.stop, z.string()]).nullish(),
  /** Context length required by the caller; checked against the one served. 0: none. */
  num_ctx: z.int().min(0).nullish(),
  // Sampling options that no peer offers, at values that disable them or that are every engine's default.
  mirostat: only(0, 'mirostat'),
  tfs_z: only(1, 'tfs_z'),
  typical_p: only(1, 'typical_p'),
  repeat_last_n: only(64, 'repeat_last_n'),
  penalize_newline: only(true, 'penalize_newline'),
  // No effect without mirostat.
  mirostat_tau: fields.ignored,
  mirostat_eta: fields.ignored,
  num_keep: steers(4),
  num_batch: steers(512),
  num_gpu: steers(-1),
  main_gpu: steers(0),
  num_thread: steers(0),
  numa: steers(false),
  low_vram: steers(false),
  f16_kv: steers(true),
  logits_all: steers(false),
  vocab_only: steers(false),
  use_mmap: steers(true),
  use_mlock: steers(false),
  embedding_only: steers(false),
})

/** The caller's names of fields with other names on the wire. */
export const CALLERS_FIELDS: Readonly<Record<string, string>> = {
  [ANSWER_PREFIX]: 'messages',
  ...Object.fromEntries(
    [
      'temperature',
      'top_p',
      'top_k',
      'min_p',
      'seed',
      'stop',
      'repeat_penalty',
      'presence_penalty',
      'frequency_penalty',
    ].map((field) => [field, `options.${field}`]),
  ),
  max_tokens: 'options.num_predict',
  max_completion_tokens: 'options.num_predict',
  reasoning_effort: 'think',
  response_format: 'format',
  json_schema: 'format',
  vision: 'images',
}

/** Options as sampling fields. */
export function samplingOf(options: OptionFields | null | undefined): SamplingFields {
  if (!options) return {}
  const { num_predict: longest, stop } = options
  return present({
    temperature: options.temperature,
    top_p: options.top_p,
    top_k: options.top_k,
    min_p: options.min_p,
    seed: options.seed,
    repeat_penalty: options.repeat_penalty,
    presence_penalty: options.presence_penalty,
    frequency_penalty: options.frequency_penalty,
    max_tokens: (longest ?? 0) > 0 ? longest : undefined,
    stop: stop?.length === 0 ? undefined : stop,
  })
}
