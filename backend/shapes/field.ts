import { InferenceError } from '../../protocol/index.ts'

export type Json = Readonly<Record<string, unknown>>

/** A field of an undocumented shape: the answer fails with the field's path and shape. */
export function wrongShape(path: string, value: unknown, expected: string): WrongShape {
  return new WrongShape(
    `the engine sent '${path}' as ${shapeOf(value)}; expected ${expected}`,
    path,
  )
}

/** An `engine_failed` whose message has only field names and kinds of values from the engine, with the field as `param`. */
export class WrongShape extends InferenceError {
  constructor(message: string, path: string, options: { readonly cause?: unknown } = {}) {
    super('engine_failed', message, { ...options, details: { param: path } })
  }
}

/** `null` counts as absent, as with OpenAI. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

/** @returns '' if absent. @throws InferenceError `engine_failed` */
export function textAt(value: unknown, path: string): string {
  if (isAbsent(value)) return ''
  if (typeof value === 'string') return value
  throw wrongShape(path, value, 'text')
}

/** @returns undefined if absent. @throws InferenceError `engine_failed` */
export function numberAt(value: unknown, path: string): number | undefined {
  if (isAbsent(value)) return undefined
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw wrongShape(path, value, 'a number')
}

/**
 * A whole number from 0; some proxies send one as text.
 *
 * @returns undefined if absent
 * @throws InferenceError `engine_failed`
 */
export function countAt(sent: unknown, path: string): number | undefined {
  if (isAbsent(sent)) return undefined
  const value = typeof sent === 'string' && /^\d{1,16}$/.test(sent) ? Number(sent) : sent
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw wrongShape(path, sent, 'a whole number from 0')
}

/** @returns undefined if absent. @throws InferenceError `engine_failed` */
export function flagAt(value: unknown, path: string): boolean | undefined {
  if (isAbsent(value)) return undefined
  if (typeof value === 'boolean') return value
  throw wrongShape(path, value, 'true or false')
}

/** @returns an empty list if absent. @throws InferenceError `engine_failed` */
export function listAt(value: unknown, path: string): readonly unknown[] {
  if (isAbsent(value)) return []
  if (Array.isArray(value)) return value
  throw wrongShape(path, value, 'a list')
}

const NO_FIELDS: Json = Object.freeze({})

/** @returns an empty object if absent. @throws InferenceError `engine_failed` */
export function recordAt(value: unknown, path: string): Json {
  if (isAbsent(value)) return NO_FIELDS
  if (typeof value === 'object' && !Array.isArray(value)) return value as Json
  throw wrongShape(path, value, 'an object')
}

/**
 * One JSON object. A list of one object counts as that object: Google's API sends errors so.
 *
 * @throws InferenceError `engine_failed`
 */
export function recordIn(text: string): Json {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new WrongShape('the engine sent invalid JSON', 'record', { cause })
  }
  const only = Array.isArray(value) && value.length === 1 ? value[0] : value
  if (isAbsent(only)) throw wrongShape('record', only, 'an object')
  return recordAt(only, 'record')
}

function shapeOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) {
    const [first] = value
    return value.length === 0 ? 'an empty list' : `a list that begins with ${shapeOf(first)}`
  }
  switch (typeof value) {
    case 'string':
      return 'text'
    case 'number':
      return Number.isFinite(value) ? `the number ${value}` : 'a number that is not finite'
    case 'boolean':
      return String(value)
    default: {
      const { type } = value as { readonly type?: unknown }
      return typeof type === 'string' ? `an object of type '${type.slice(0, 40)}'` : 'an object'
    }
  }
}
