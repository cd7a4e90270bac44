import { describe, expect, it } from 'vitest'
import { answerSchema } from '../../../backend/embedded/answer-schema.ts'
import { SCHEMA_BOUNDS } from '../../../backend/embedded/schema-budget.ts'
import { toolFormatOf } from '../../../backend/marked-text/index.ts'
import type { ChatRequest, ToolDefinition } from '../../../protocol/index.ts'

const HERMES = toolFormatOf('{% if tools %}<tool_call></tool_call>{% endif %}')
const tool = (name: string, parts = 0, strict?: boolean): ToolDefinition => ({
  type: 'function',
  function: {
    name,
    ...(strict !== undefined && { strict }),
    parameters: {
      type: 'object',
      properties: Object.fromEntries(
        Array.from({ length: parts }, (_, at) => [`p${at}`, { type: 'string' }]),
      ),
    },
  },
})
const schemaOf = (more: Partial<ChatRequest>) =>
  answerSchema({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...more }, HERMES)
const UNAVAILABLE = expect.objectContaining({ code: 'capability_unavailable' })
const json = { type: 'json_object' } as const

describe('what an answer has to match', () => {
  it('is a call where one is required', () => {
    const called = { properties: { name: { const: 'read' } } }
    const tools = [tool('read'), tool('edit')]
    expect(schemaOf({ tools, tool_choice: 'required' })).toMatchObject({
      schema: { oneOf: [called, {}] },
      ...{ holds: 'calls', isOptional: false },
    })
    const named = { type: 'function', function: { name: 'read' } } as const
    expect(schemaOf({ tools, tool_choice: named, response_format: json })).toMatchObject({
      schema: called,
    })
  })

  it('is the response format where no tool may be called', () => {
    const object = { schema: { type: 'object' }, holds: 'answer' }
    expect(schemaOf({ response_format: json })).toMatchObject(object)
    const none = { tools: [tool('read')], tool_choice: 'none', response_format: json } as const
    expect(schemaOf(none)).toMatchObject(object)
    expect(schemaOf({ tools: [tool('read')] })).toBeUndefined()
  })

  it('is free but for calls of strict functions, where any may be made', () => {
    const schema = schemaOf({ tools: [tool('read', 1, true), tool('edit', 1)] })
    expect(schema).toMatchObject({ holds: 'calls', isOptional: true })
    expect(schema?.schema).toMatchObject({
      oneOf: [
        { properties: { arguments: { properties: { p0: { type: 'string' } } } } },
        { properties: { name: { const: 'edit' }, arguments: { additionalProperties: true } } },
      ],
    })
  })

  it('is free if a grammar cannot keep to a strict function: its calls are checked', () => {
    const { function: read } = tool('read', 1, true)
    const parameters = { type: 'object', properties: { a: { type: 'string', pattern: '^a' } } }
    const tools = [{ type: 'function' as const, function: { ...read, parameters } }]
    expect(schemaOf({ tools })).toBeUndefined()
    expect(() => schemaOf({ tools, tool_choice: 'required' })).toThrow(UNAVAILABLE)
  })

  it('cannot be either a call or a response format', () => {
    expect(() => schemaOf({ tools: [tool('read')], response_format: json })).toThrow(UNAVAILABLE)
  })

  it('is bounded over all tools together', () => {
    const half = SCHEMA_BOUNDS.nodes / 2
    const few = { tools: [tool('read', half)], tool_choice: 'required' } as const
    expect(schemaOf(few)).toBeDefined()
    const tools = [tool('read', half), tool('edit', half)]
    expect(() => schemaOf({ tools, tool_choice: 'required' })).toThrow(UNAVAILABLE)
    const many = Array.from({ length: SCHEMA_BOUNDS.alternatives + 1 }, (_, at) => tool(`t${at}`))
    expect(() => schemaOf({ tools: many, tool_choice: 'required' })).toThrow(UNAVAILABLE)
  })
})
