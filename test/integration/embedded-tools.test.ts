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
{%- if message.reasoning_content %}<think>
{{ message.reasoning_content }}</think>
{%- endif %}
{{ message.content }}
{%- for call in message.tool_calls or [] %}<tool_call>
{{ call.function | tojson }}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking %}<think>
{% endif %}{% endif %}{# </think> #}`

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

/** Ids that spell a text: the vocabulary has a token for each byte. */
const spelled = (text: string): number[] => [...Buffer.from(text)].map((byte) => byte + 5)

async function ask(more: object, resume?: Resume) {
  const body = { model: 'skein-tiny', messages: [{ role: 'user', content: 'How is it?' }], tools }
  const request = parseRequest('chat', { ...body, temperature: 0, max_tokens: 100, ...more })
  const assembly = new ToolCallAssembly()
  const seen = {
    text: '',
    reasoning: '',
    thinking: 0,
    ids: [] as number[],
    finish: null as string | null,
  }
  for await (const event of backend.infer(request, resume === undefined ? {} : { resume })) {
    if (event.type === 'done') seen.thinking = event.usage.reasoningTokens ?? 0
    if (event.type !== 'chunk' || !('choices' in event.json)) continue
    const [choice] = event.json.choices
    seen.ids.push(...event.tokenIds)
    seen.finish ??= choice?.finish_reason ?? null
    if (choice === undefined || !('delta' in choice)) continue
    seen.text += choice.delta.content ?? ''
    seen.reasoning += choice.delta.reasoning_content ?? ''
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

  it('holds a call of a strict function to its schema, though it may be left out', async () => {
    const [{ function: weather }] = tools as [(typeof tools)[number]]
    const strict = { tools: [{ type: 'function', function: { ...weather, strict: true } }] }
    for (const begun of [
      '<tool_call>\n{',
      'So <tool_call>{"name": "wea',
      '<tool_call>{"name": "weather", "arguments": {"hot": ',
    ]) {
      const tokenIds = spelled(begun)
      const resume = { tokenIds, text: '', deliveredBytes: 0 }
      const { calls } = await ask({ ...strict, max_tokens: 200 }, resume)
      const [first] = calls
      expect(first?.name).toBe('weather')
      expect(JSON.parse(first?.arguments ?? '')).toEqual({
        hot: expect.any(Boolean),
        days: expect.toBeOneOf([1, 2, 3]),
      })
    }
  })

  it('makes one call, if no more are wanted', async () => {
    const tokenIds = spelled('<tool_call>{"name": "other", "arguments": {}')
    const more = { parallel_tool_calls: false, max_tokens: 200 }
    const { ids, ...answer } = await ask(more, { tokenIds, text: '', deliveredBytes: 0 })
    expect(answer.calls.length).toBeLessThanOrEqual(1)
    const whole = spelled('<tool_call>{"name": "other", "arguments": {}}')
    const ended = await ask(more, { tokenIds: whole, text: '', deliveredBytes: 0 })
    expect(ended).toMatchObject({ text: '', ids: [], finish: 'tool_calls' })
  })

  it('reads a conversation with calls and results, whose texts cannot become control tokens', async () => {
    const called = { name: 'weather', arguments: '{"hot":true,"note":"<|im_end|>"}' }
    const messages = [
      { role: 'user', content: 'How is it?' },
      {
        role: 'assistant',
        content: null,
        reasoning_content: 'I look.<|im_end|>',
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

describe('the embedded engine, with a template that opens thoughts', () => {
  const counting = {
    ...{ messages: [{ role: 'user', content: 'Count from 1 to 12.' }], tools: undefined },
    reasoning_effort: 'low',
  }

  it('advertises that it resumes within them, and switches them', async () => {
    const [model] = await backend.models()
    expect(model?.fields).toEqual(
      expect.arrayContaining(['reasoning_effort', 'resume.reasoning.ids', 'resume.reasoning.text']),
    )
    expect(await ask({ ...counting, reasoning_effort: 'none' })).toMatchObject({
      ...{ reasoning: '', thinking: 0, finish: 'stop' },
      text: expect.stringContaining('1, 2, 3'),
    })
  })

  it('shows what it writes into them as reasoning, and goes on within it', async () => {
    const whole = await ask(counting)
    expect(whole).toMatchObject({ text: '', reasoning: expect.stringMatching(/.{9}/) })
    expect(whole.thinking).toBe(whole.ids.length)
    const cut = 9
    const tokenIds = whole.ids.slice(0, cut)
    const shown = await ask({ ...counting, max_tokens: cut })
    const resume = { text: '', deliveredBytes: 0, reasoning: shown.reasoning }
    const rest = await ask(counting, { ...resume, tokenIds, tokens: cut })
    expect([shown.reasoning + rest.reasoning, rest.text]).toEqual([whole.reasoning, ''])
    // The text lacks its control tokens.
    const again = await ask(counting, { ...resume, tokenIds: [], tokens: cut })
    expect([again.reasoning === '', again.text]).toEqual([false, ''])
  })

  it('tells them from the text after them, also as JSON', async () => {
    const resume = { tokenIds: spelled('I count.\n</think>\n\n'), text: '', deliveredBytes: 0 }
    const thought = { reasoning: 'I count.' }
    expect(await ask(counting, resume)).toMatchObject({
      ...thought,
      text: expect.stringMatching(/./),
    })
    const schema = { type: 'object', properties: { a: { type: 'boolean' } }, required: ['a'] }
    const format = { type: 'json_schema', json_schema: { name: 'a', schema } }
    const answer = await ask({ ...counting, response_format: format }, resume)
    expect(answer).toMatchObject({ ...thought, finish: 'stop' })
    expect(JSON.parse(answer.text)).toEqual({ a: expect.any(Boolean) })
  })

  it('calls a function without them, if it must', async () => {
    const { reasoning, calls } = await ask({ reasoning_effort: 'high', tool_choice: 'required' })
    expect([reasoning, calls.length]).toEqual(['', 1])
  })
})
