import { describe, expect, it } from 'vitest'
import { answerSchema } from '../../../backend/embedded/answer-schema.ts'
import { SCHEMA_BOUNDS } from '../../../backend/embedded/schema-budget.ts'
import { toolFormatOf } from '../../../backend/embedded/tool-format.ts'
import type { ChatRequest, ToolDefinition } from '../../../protocol/index.ts'

const HERMES = toolFormatOf('{% if tools %}<tool_call></tool_call>{% endif %}')
const tool = (name: string, parts = 0): ToolDefinition => ({
  type: 'function',
  function: {
    name,
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
    expect(schemaOf({ tools, tool_choice: 'required' })).toMatchObject({ oneOf: [called, {}] })
    const named = { type: 'function', function: { name: 'read' } } as const
    expect(schemaOf({ tools, tool_choice: named, response_format: json })).toMatchObject(called)
  })

  it('is the response format where no tool may be called', () => {
    expect(schemaOf({ response_format: json })).toMatchObject({ type: 'object' })
    const none = { tools: [tool('read')], tool_choice: 'none', response_format: json } as const
    expect(schemaOf(none)).toMatchObject({ type: 'object' })
    expect(schemaOf({ tools: [tool('read')] })).toBeUndefined()
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
