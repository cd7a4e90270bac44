import { LIMITS } from '../../protocol/index.ts'
import { SchemaBudget, unavailable } from './schema-budget.ts'
import {
  ANNOTATIONS,
  checkKeywords,
  FORMATS,
  invalid,
  isSchema,
  type Schema,
  TYPES,
} from './schema-keywords.ts'

/** A JSON schema in the dialect that node-llama-cpp turns into a grammar. */
export type GrammarSchema = { readonly [key: string]: unknown }

/**
 * A schema of any value as the grammar takes it.
 *
 * The grammar made from it allows no more than the schema does, and sometimes less: every property is written,
 * required or not, and none that is not listed unless `additionalProperties` says so.
 *
 * @param budget shared by schemas that become one grammar
 * @throws InferenceError `capability_unavailable` for a schema with conditions that a grammar cannot keep,
 * `invalid_request` for an invalid schema; both with `details.param`.
 */
export function convertSchema(
  schema: Readonly<Record<string, unknown>>,
  budget: SchemaBudget = new SchemaBudget(),
): GrammarSchema {
  return new Converter(schema, budget).convert(schema, 0)
}

class Converter {
  readonly #root: Schema
  readonly #open = new Set<string>()
  readonly #budget: SchemaBudget

  constructor(root: Schema, budget: SchemaBudget) {
    this.#root = root
    this.#budget = budget
  }

  convert(schema: unknown, depth: number): GrammarSchema {
    if (!isSchema(schema)) throw invalid('a schema has to be an object')
    this.#budget.node()
    if (depth > LIMITS.maxSchemaDepth) throw unavailable('schemas nested that deeply')
    checkKeywords(schema)
    if (schema.$ref !== undefined) return this.#resolve(schema.$ref, depth)
    const variants = schema.oneOf ?? schema.anyOf
    if (variants !== undefined) return this.#variants(schema, variants, depth)
    if (schema.const !== undefined) return { const: this.#literal(schema.const) }
    if (schema.enum !== undefined) {
      return { enum: choices(schema.enum, 'enum').map((value) => this.#literal(value)) }
    }
    return this.#typed(schema, depth)
  }

  #variants(schema: Schema, variants: unknown, depth: number): GrammarSchema {
    const beside = Object.keys(schema).find(
      (key) => !ANNOTATIONS.has(key) && key !== 'oneOf' && key !== 'anyOf',
    )
    if (beside !== undefined) throw unavailable(`'${beside}' beside 'oneOf' or 'anyOf'`)
    const listed = choices(variants, 'oneOf')
    this.#budget.alternatives(listed.length)
    return { oneOf: listed.map((variant) => this.convert(variant, depth + 1)) }
  }

  #literal(value: unknown): string | number | boolean | null {
    this.#budget.alternatives(1)
    if (typeof value === 'string') this.#budget.text(value)
    return literal(value)
  }

  #typed(schema: Schema, depth: number): GrammarSchema {
    const type = schema.type ?? inferType(schema)
    const types = Array.isArray(type) ? type : [type]
    if (types.length === 0 || types.some((name) => !TYPES.includes(name))) {
      throw type === undefined ? unavailable("parts without a 'type'") : invalid(`unknown type`)
    }
    const single = types.length === 1 ? types[0] : undefined
    if (single === undefined) {
      return { oneOf: types.map((name) => this.#typed({ ...schema, type: name }, depth + 1)) }
    }
    switch (single) {
      case 'object':
        return this.#object(schema, depth)
      case 'array':
        return this.#array(schema, depth)
      case 'string':
        return stringSchema(schema)
      default:
        return { type: single }
    }
  }

  #object(schema: Schema, depth: number): GrammarSchema {
    const properties = schema.properties ?? {}
    if (!isSchema(properties)) throw invalid("'properties' has to be an object")
    const names = Object.keys(properties)
    const unlisted = list(schema.required ?? [], 'required').find(
      (name) => typeof name !== 'string' || !names.includes(name),
    )
    if (unlisted !== undefined) throw unavailable("'required' names without a property")
    const { minProperties, maxProperties } = schema
    if (Number(maxProperties) < names.length) throw unavailable('fewer properties than are listed')
    for (const name of names) this.#budget.text(name)
    const converted = Object.fromEntries(
      names.map((name) => [name, this.convert(properties[name], depth + 1)]),
    )
    const more = schema.additionalProperties
    // A bare `{"type": "object"}` means any object; one with properties is kept to them.
    const additional = more ?? names.length === 0
    if (additional === false && Number(minProperties) > names.length) {
      throw invalid("'minProperties' is more than the properties that there are")
    }
    return {
      type: 'object',
      properties: converted,
      additionalProperties:
        typeof additional === 'boolean' ? additional : this.convert(additional, depth + 1),
      ...pick(schema, ['minProperties', 'maxProperties']),
    }
  }

  #array(schema: Schema, depth: number): GrammarSchema {
    const { items, prefixItems, maxItems } = schema
    if (prefixItems !== undefined && list(prefixItems, 'prefixItems').length > Number(maxItems)) {
      throw unavailable("fewer items than 'prefixItems' lists")
    }
    return {
      type: 'array',
      ...(items !== undefined && items !== true && { items: this.convert(items, depth + 1) }),
      ...(prefixItems !== undefined && {
        prefixItems: list(prefixItems, 'prefixItems').map((item) => this.convert(item, depth + 1)),
      }),
      ...pick(schema, ['minItems', 'maxItems']),
    }
  }

  /** References are inlined, so a recursive schema cannot be enforced. */
  #resolve(reference: unknown, depth: number): GrammarSchema {
    const path = typeof reference === 'string' ? reference : ''
    const match = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(path)
    const section = match?.[1] === undefined ? undefined : this.#root[match[1]]
    const target = isSchema(section) && match?.[2] !== undefined ? section[match[2]] : undefined
    if (target === undefined) throw unavailable(`the reference '${path.slice(0, 80)}'`)
    if (this.#open.has(path)) throw unavailable('schemas that contain themselves')
    this.#open.add(path)
    const converted = this.convert(target, depth + 1)
    this.#open.delete(path)
    return converted
  }
}

function stringSchema(schema: Schema): GrammarSchema {
  const format = schema.format
  if (format !== undefined && !FORMATS.includes(format)) {
    throw unavailable(`the format '${String(format).slice(0, 40)}'`)
  }
  return format === undefined
    ? { type: 'string', ...pick(schema, ['minLength', 'maxLength']) }
    : { type: 'string', format }
}

function inferType(schema: Schema): string | undefined {
  if (schema.properties !== undefined) return 'object'
  return schema.items !== undefined || schema.prefixItems !== undefined ? 'array' : undefined
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`'${name}' has to be a list`)
  return value
}

/** Alternatives, one of which an answer has to match. */
function choices(value: unknown, name: string): readonly unknown[] {
  const listed = list(value, name)
  if (listed.length === 0) throw invalid(`'${name}' is empty, so no answer can match it`)
  return listed
}

function literal(value: unknown): string | number | boolean | null {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) {
    return value as string | number | boolean | null
  }
  throw unavailable('constants that are not plain values')
}

function pick(schema: Schema, keys: readonly string[]): GrammarSchema {
  return Object.fromEntries(
    keys.filter((key) => schema[key] !== undefined).map((key) => [key, schema[key]]),
  )
}
