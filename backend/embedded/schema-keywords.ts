import { InferenceError } from '../../protocol/index.ts'
import { unavailable } from './schema-budget.ts'

/** A JSON schema of which nothing is checked yet. */
export interface Schema {
  readonly [key: string]: unknown
  readonly type?: unknown
  readonly properties?: unknown
  readonly required?: unknown
  readonly additionalProperties?: unknown
  readonly items?: unknown
  readonly prefixItems?: unknown
  readonly format?: unknown
  readonly enum?: unknown
  readonly const?: unknown
  readonly oneOf?: unknown
  readonly anyOf?: unknown
  readonly $ref?: unknown
}

/** Repetitions unroll into grammar rules, so their number is limited. */
const MAX_REPETITION = 500

/** Keywords that do not restrict which values are valid. */
export const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
])
const STRUCTURE: ReadonlySet<string> = new Set([
  'type',
  'properties',
  'required',
  'additionalProperties',
  'minProperties',
  'maxProperties',
  'items',
  'prefixItems',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'format',
  'enum',
  'const',
  'oneOf',
  'anyOf',
  '$ref',
])
const BOUNDED = ['Properties', 'Items', 'Length'] as const
const BOUNDS = ['minProperties', 'maxProperties', 'minItems', 'maxItems', 'minLength', 'maxLength']
export const FORMATS: readonly unknown[] = ['date-time', 'time', 'date']
export const TYPES: readonly unknown[] = [
  'string',
  'number',
  'integer',
  'boolean',
  'null',
  'object',
  'array',
]

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Refuses keywords that a grammar cannot express, and bounds that are invalid or too large. */
export function checkKeywords(schema: Schema): void {
  const foreign = Object.keys(schema).find((key) => !STRUCTURE.has(key) && !ANNOTATIONS.has(key))
  if (foreign !== undefined) throw unavailable(`'${foreign}' in a schema`)
  for (const key of BOUNDS) checkBound(schema, key)
  for (const what of BOUNDED) checkRange(schema, what)
}

function checkBound(schema: Schema, key: string): void {
  const value = schema[key]
  if (value === undefined) return
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw invalid(`'${key}' has to be a whole number`)
  }
  if (value > MAX_REPETITION) throw unavailable(`'${key}' above ${MAX_REPETITION}`)
}

function checkRange(schema: Schema, what: (typeof BOUNDED)[number]): void {
  if (Number(schema[`min${what}`]) > Number(schema[`max${what}`])) {
    throw invalid(`'min${what}' is above 'max${what}', so no answer can match it`)
  }
}

/** The schema itself is wrong. */
export function invalid(why: string): InferenceError {
  return new InferenceError('invalid_request', `response_format: ${why}`, {
    details: { param: 'response_format' },
  })
}
