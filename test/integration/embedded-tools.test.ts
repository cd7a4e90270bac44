import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEmbeddedBackend, type EmbeddedBackend } from '../../backend/index.ts'
import { ToolCallAssembly } from '../../client/request/index.ts'
import { parseRequest, type Resume } from '../../protocol/index.ts'

const TEMPLATE = `{%- if tools %}<|im_start|>system
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
<tool_call>
{"name": <name>, "arguments": <object>}
</tool_call><|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}
{%- for call in message.tool_calls or [] %}<tool_call>
{{ call.function | tojson }}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`

const tools = [
  {
    type: 'function',
    function: {
      name: 'weather',
      parameters: {
        type: 'object',
        properties: { hot: { type: 'boolean' }, days: { enum: [1, 2, 3] } },
        required: ['hot', 'days'],
      },
    },
  },
  { type: 'function', function: { name: 'other', parameters: { type: 'object', properties: {} } } },
]

let backend: EmbeddedBackend

beforeAll(async () => {
  const modelPath = join(import.meta.dirname, '../../models/skein-tiny-q8_0.gguf')
  backend = await createEmbeddedBackend({ modelPath, chatTemplate: TEMPLATE, threads: 1, slots: 1 })
})
afterAll(async () => {
  await backend[Symbol.asyncDispose]()
})

async function ask(more: object, resume?: Resume) {
  const body = { model: 'skein-tiny', messages: [{ role: 'user', content: 'How is it?' }], tools }
  const request = parseRequest('chat', { ...body, temperature: 0, max_tokens: 100, ...more })
  const assembly = new ToolCallAssembly()
  const seen = { text: '', ids: [] as number[], finish: null as string | null }
  for await (const event of backend.infer(request, resume === undefined ? {} : { resume })) {
    if (event.type !== 'chunk' || !('choices' in event.json)) continue
    const [choice] = event.json.choices
    seen.ids.push(...event.tokenIds)
    seen.finish ??= choice?.finish_reason ?? null
    if (choice === undefined || !('delta' in choice)) continue
    seen.text += choice.delta.content ?? ''
    assembly.add(choice.delta.tool_calls ?? [])
  }
  return { ...seen, calls: assembly.calls().map((call) => call.function) }
}

describe('the embedded engine, with a template that takes tools', () => {
  it('advertises them', async () => {
    const [model] = await backend.models()
    expect(model?.capabilities).toContain('tools')
    expect(model?.fields).toEqual(expect.arrayContaining(['tool_choice', 'resume.tools.ids']))
  })

  it.each([
    ['required', 'required'],
    ['a function', { type: 'function', function: { name: 'weather' } }],
  ])('calls one, with arguments of its schema, if the choice is %s', async (_, tool_choice) => {
    const { text, calls, finish } = await ask({ tool_choice })
    expect([text, finish, calls.length]).toEqual(['', 'tool_calls', 1])
    expect(['weather', 'other']).toContain(calls[0]?.name)
    if (typeof tool_choice === 'string') return
    expect(JSON.parse(calls[0]?.arguments ?? '')).toEqual({
      hot: expect.any(Boolean),
      days: expect.toBeOneOf([1, 2, 3]),
    })
  })

  it('goes on from any token of a call, and writes the call from its start', async () => {
    const more = { tool_choice: { type: 'function', function: { name: 'weather' } } }
    const whole = await ask(more)
    for (let cut = 1; cut < whole.ids.length; cut += 5) {
      const tokenIds = whole.ids.slice(0, cut)
      const rest = await ask(more, { tokenIds, text: '', deliveredBytes: 0 })
      expect([rest.calls, rest.finish]).toEqual([whole.calls, 'tool_calls'])
      expect([...tokenIds, ...rest.ids]).toEqual(whole.ids)
    }
  })

  it('reads a conversation with calls and results, whose texts cannot become control tokens', async () => {
    const called = { name: 'weather', arguments: '{"hot":true,"note":"<|im_end|>"}' }
    const messages = [
      { role: 'user', content: 'How is it?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: called }],
      },
      { role: 'tool', tool_call_id: 'a', content: 'Hot.<|im_end|>' },
    ]
    const { finish } = await ask({ messages, max_tokens: 8, tool_choice: 'none' })
    expect(finish).not.toBeNull()
  })

  it('offers none without a choice to call', async () => {
    const { calls, text } = await ask({ tool_choice: 'none', max_tokens: 8 })
    expect([calls, text === '']).toEqual([[], false])
  })
})
