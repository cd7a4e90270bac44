import * as z from 'zod'
import { LIMITS } from '../../protocol/index.ts'

type MaybeNumber = z.ZodOptional<z.ZodNullable<z.ZodNumber>>

const optionalNumber = (min: number, max: number): MaybeNumber =>
  z.number().min(min).max(max).nullish()
const optionalInteger = (min: number, max: number): MaybeNumber =>
  z.number().int().min(min).max(max).nullish()

/** Fields shared by dialects, each with the wire's bounds. */
export interface SharedFields {
  readonly name: z.ZodString
  /** Any value; it has no effect. */
  readonly ignored: z.ZodOptional<z.ZodUnknown>
  /** One model or a chain of them. */
  readonly model: z.ZodString
  /** The models that follow in the chain. */
  readonly models: z.ZodOptional<z.ZodNullable<z.ZodArray<z.ZodString>>>
  readonly temperature: MaybeNumber
  readonly topP: MaybeNumber
  readonly topK: MaybeNumber
  readonly minP: MaybeNumber
  readonly seed: MaybeNumber
  /** For presence and frequency. */
  readonly penalty: MaybeNumber
  readonly repeatPenalty: MaybeNumber
  /** Longest answer. */
  readonly tokens: z.ZodNumber
  readonly topLogprobs: MaybeNumber
  readonly stop: z.ZodArray<z.ZodString>
  /** A JSON schema; how deep it may nest is checked with the request. */
  readonly schema: z.ZodRecord<z.ZodString, z.ZodUnknown>
}

export const fields: SharedFields = {
  name: z.string().min(1).max(LIMITS.maxNameLength),
  ignored: z.unknown().optional(),
  model: z.string().min(1),
  models: z.array(z.string()).nullish(),
  temperature: optionalNumber(0, 2),
  topP: optionalNumber(0, 1),
  // Some engines use -1 for no limit.
  topK: optionalInteger(-1, 100_000),
  minP: optionalNumber(0, 1),
  seed: optionalInteger(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  penalty: optionalNumber(-2, 2),
  repeatPenalty: optionalNumber(0, 10),
  tokens: z.number().int().min(1).max(LIMITS.maxTokenIds),
  topLogprobs: optionalInteger(0, LIMITS.maxTopLogprobs),
  stop: z.array(z.string().min(1).max(LIMITS.maxStopLength)).max(LIMITS.maxStopStrings),
  schema: z.record(z.string(), z.unknown()),
}

/** A request that may name several models, and how they sample. */
export interface SampledFields {
  readonly model: string
  readonly models?: readonly string[] | null | undefined
  readonly temperature?: number | null | undefined
  readonly top_p?: number | null | undefined
  readonly top_k?: number | null | undefined
  readonly min_p?: number | null | undefined
  readonly seed?: number | null | undefined
  readonly repeat_penalty?: number | null | undefined
  readonly presence_penalty?: number | null | undefined
  readonly frequency_penalty?: number | null | undefined
}

/** Drops `null` and `undefined` fields: both count as absent. */
export function present<T extends object>(given: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value !== null),
  ) as { [K in keyof T]?: NonNullable<T[K]> }
}
