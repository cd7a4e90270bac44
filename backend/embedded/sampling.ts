import type { SamplingFields } from '../../protocol/index.ts'

/** How the next token is drawn. */
export interface Sampling {
  /** 0 takes the likeliest token. */
  readonly temperature: number
  readonly topP: number
  /** 0: no bound. */
  readonly topK: number
  readonly minP: number
  readonly seed: number
  readonly presencePenalty: number
  readonly frequencyPenalty: number
  readonly repeatPenalty: number
  /** Added to a token's logit. */
  readonly logitBias: ReadonlyMap<number, number>
}

/** llama.cpp's own defaults, for what a request leaves open. */
const DEFAULTS = { temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05 } as const

/** Request fields beyond the common ones by which this engine samples. */
export const SAMPLING_FIELDS: readonly string[] = [
  'presence_penalty',
  'frequency_penalty',
  'repeat_penalty',
  'logit_bias',
  'top_k',
  'min_p',
]

/** @param randomSeed Used where the request has no seed. */
export function samplingOf(fields: SamplingFields, randomSeed: number): Sampling {
  return {
    temperature: fields.temperature ?? DEFAULTS.temperature,
    topP: fields.top_p ?? DEFAULTS.topP,
    topK: fields.top_k ?? DEFAULTS.topK,
    minP: fields.min_p ?? DEFAULTS.minP,
    seed: fields.seed ?? randomSeed,
    presencePenalty: fields.presence_penalty ?? 0,
    frequencyPenalty: fields.frequency_penalty ?? 0,
    repeatPenalty: fields.repeat_penalty ?? 1,
    logitBias: new Map(
      Object.entries(fields.logit_bias ?? {}).map(([token, bias]) => [Number(token), bias]),
    ),
  }
}

export function hasPenalty(sampling: Sampling): boolean {
  const { presencePenalty, frequencyPenalty, repeatPenalty } = sampling
  return presencePenalty !== 0 || frequencyPenalty !== 0 || repeatPenalty !== 1
}

/**
 * Seed for the draw of one token. It depends on nothing but the request's seed and the token's place in the answer, so
 * that an answer that goes on at another engine draws as it would have done here. Mixing as in MurmurHash3's finalizer.
 */
export function seedAt(seed: number, position: number): number {
  const low = seed >>> 0
  const high = Math.trunc(seed / 0x1_0000_0000) >>> 0
  return mix(mix(low ^ mix(high)) + position)
}

function mix(value: number): number {
  let hash = value >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
