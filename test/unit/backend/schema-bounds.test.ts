import { describe, expect, it } from 'vitest'
import { grammarSchema } from '../../../backend/embedded/json-schema.ts'
import { SCHEMA_BOUNDS } from '../../../backend/embedded/schema-budget.ts'

const convert = (schema: Record<string, unknown>): unknown =>
  grammarSchema({ type: 'json_schema', json_schema: { name: 'x', schema } })
const values = (count: number): string[] => Array.from({ length: count }, (_, n) => `value ${n}`)
const { alternatives, characters, nodes } = SCHEMA_BOUNDS
const string = { type: 'string', maxLength: 500 }

describe('the cost of a grammar', () => {
  it.each<[name: string, schema: Record<string, unknown>]>([
    ['values of an enum', { enum: values(alternatives + 1) }],
    [
      'values of several enums',
      { type: 'array', prefixItems: Array(4).fill({ enum: values(alternatives / 2) }) },
    ],
    ['variants', { oneOf: Array(alternatives + 1).fill(string) }],
    ['variants of variants', { anyOf: Array(20).fill({ anyOf: Array(20).fill(string) }) }],
    ['characters of a constant', { const: 'a'.repeat(characters + 1) }],
    [
      'characters of names',
      { type: 'object', properties: { ['n'.repeat(characters + 1)]: string } },
    ],
    [
      'parts, references put in place',
      {
        $defs: { a: { type: 'array', items: { type: 'array', items: string } } },
        type: 'object',
        properties: Object.fromEntries(
          values(nodes / 2).map((name) => [name, { $ref: '#/$defs/a' }]),
        ),
      },
    ],
  ])('bounds %s', (_, schema) => {
    expect(() => convert(schema)).toThrow(
      expect.objectContaining({
        code: 'capability_unavailable',
        details: { param: 'response_format' },
      }),
    )
  })

  it('allows common schemas', () => {
    expect(convert({ enum: values(alternatives) })).toBeDefined()
    expect(
      convert({
        type: 'object',
        properties: Object.fromEntries(values(200).map((name) => [name, string])),
      }),
    ).toBeDefined()
  })
})

describe('a schema that no answer can match', () => {
  it.each<[name: string, schema: Record<string, unknown>, code: string]>([
    ['an empty enum', { enum: [] }, 'invalid_request'],
    ['no variant', { oneOf: [] }, 'invalid_request'],
    ['minItems above maxItems', { type: 'array', minItems: 10, maxItems: 2 }, 'invalid_request'],
    [
      'minLength above maxLength',
      { type: 'string', minLength: 10, maxLength: 2 },
      'invalid_request',
    ],
    [
      'minProperties above maxProperties',
      { type: 'object', additionalProperties: true, minProperties: 3, maxProperties: 2 },
      'invalid_request',
    ],
    [
      'more properties than there are',
      { type: 'object', properties: { a: string }, minProperties: 2 },
      'invalid_request',
    ],
    [
      'fewer properties than are written',
      { type: 'object', properties: { a: string, b: string }, maxProperties: 1 },
      'capability_unavailable',
    ],
    [
      'fewer items than are written',
      { type: 'array', prefixItems: [string, string], maxItems: 1 },
      'capability_unavailable',
    ],
    [
      'one deep inside',
      { type: 'array', items: { oneOf: [string, { enum: [] }] } },
      'invalid_request',
    ],
  ])('is refused: %s', (_, schema, code) => {
    expect(() => convert(schema)).toThrow(expect.objectContaining({ code }))
  })
})
