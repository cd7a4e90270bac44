import { InferenceError } from '../../protocol/index.ts'

export type Json = Readonly<Record<string, unknown>>

/** Engines' answers are read field by field: what is missing or of another type counts as absent. */
export function asRecord(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function asString(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Finite and not negative, else 0. */
export function asNumber(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
}

/** @throws InferenceError `engine_failed` */
export function parseJson(text: string): Json {
  try {
    return asRecord(JSON.parse(text))
  } catch (cause) {
    throw new InferenceError('engine_failed', 'the engine sent invalid JSON', {
      cause,
    })
  }
}
