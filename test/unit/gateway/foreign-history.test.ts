import { describe, expect, it, vi } from 'vitest'
import { events } from '../../../testing/engines/fake-engine.ts'
import { chunk, gatewayOver } from './gateway-over.ts'

vi.setConfig({ testTimeout: 30_000 })

const reply = () => events(chunk({ content: 'a' }, 'stop'), '[DONE]')
const go = { role: 'user', content: 'Go on.' }

describe('a conversation that another model began, at Responses', () => {
  const post = async (...items: readonly object[]) => {
    const gateway = await gatewayOver([], reply)
    const answered = await gateway.post('/v1/responses', { model: 'p/x', input: [...items, go] })
    return { ...answered, sent: gateway.sent()?.messages }
  }

  it.each([
    ['local_shell', 'id', { action: { type: 'exec', command: ['ls'] } }],
    ['shell', 'call_id', { action: { commands: ['ls'] } }],
    ['apply_patch', 'call_id', { operation: { type: 'delete_file', path: 'a' } }],
  ])('keeps calls of %s, which the caller carried out', async (name, id, called) => {
    const { status, sent } = await post(
      { type: `${name}_call`, call_id: 'c1', id: 'i1', status: 'completed', ...called },
      { type: `${name}_call_output`, [id]: 'c1', output: [{ stdout: 'x' }], status: 'completed' },
    )
    expect(status).toBe(200)
    const [{ action, operation } = {} as never] = [called as never]
    expect(sent).toMatchObject([
      {
        role: 'assistant',
        tool_calls: [
          { id: 'c1', function: { name, arguments: JSON.stringify(action ?? operation) } },
        ],
      },
      { role: 'tool', tool_call_id: 'c1', content: '[{"stdout":"x"}]' },
      { role: 'user' },
    ])
  })

  it.each([
    'code_interpreter_call',
    'computer_call',
    'file_search_call',
    'image_generation_call',
    'mcp_call',
    'mcp_list_tools',
    'mcp_approval_response',
    'tool_search_call',
    'web_search_call',
  ])('leaves %s out, and lists it', async (type) => {
    const { status, headers, sent } = await post({ type, id: 'x', status: 'completed', action: {} })
    expect([status, headers.get('x-skein-ignored')]).toEqual([200, `input.${type}`])
    expect(sent).toMatchObject([{ role: 'user', content: 'Go on.' }])
  })

  it.each([
    ['item_reference', /not stored here/],
    ['compaction', /encrypted/],
  ])('refuses %s, because it stands for something unknown', async (type, why) => {
    const { status, body } = await post({ type, id: 'x', encrypted_content: 'e' })
    expect(status).toBe(400)
    expect(body.error).toMatchObject({
      param: 'input.0.type',
      type: 'invalid_request_error',
      message: expect.stringMatching(why),
    })
  })
})

describe('a conversation that another model began, at Messages', () => {
  const post = async (role: string, content: readonly object[]) => {
    const gateway = await gatewayOver([], reply)
    const messages = [go, { role, content }, go]
    const body = { model: 'p/x', max_tokens: 9, messages }
    const answered = await gateway.post('/v1/messages', body)
    const count = await gateway.post('/v1/messages/count_tokens', { model: 'p/x', messages })
    expect(count.status).toBe(answered.status)
    return { ...answered, sent: gateway.sent()?.messages }
  }

  it('is read without what Anthropic’s servers ran, which is listed', async () => {
    const { status, headers, sent } = await post('assistant', [
      { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'x' } },
      { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
      { type: 'mcp_tool_use', id: 'm', name: 'f', server_name: 's', input: {} },
      { type: 'mcp_tool_result', tool_use_id: 'm', is_error: false, content: [] },
      { type: 'text', text: 'Found.' },
    ])
    expect(status).toBe(200)
    expect(headers.get('x-skein-ignored')?.split(', ')).toEqual([
      'messages.server_tool_use',
      'messages.web_search_tool_result',
      'messages.mcp_tool_use',
      'messages.mcp_tool_result',
    ])
    expect(sent).toMatchObject([{}, { role: 'assistant', content: 'Found.' }, {}])
  })

  it('may hold documents and search results of text', async () => {
    const text = { type: 'text', media_type: 'text/plain', data: 'Foxes are red.' }
    const { sent } = await post('user', [
      { type: 'document', title: 'Foxes', source: text, citations: { enabled: true } },
      {
        type: 'search_result',
        title: 'Bears',
        source: 'https://x.example',
        content: [{ type: 'text', text: 'Bears are brown.' }],
      },
    ])
    const [, message] = sent as readonly { readonly content: string }[]
    expect(message?.content).toContain('Foxes\nFoxes are red.')
    expect(message?.content).toContain('Bears\nhttps://x.example\nBears are brown.')
  })

  it('refuses a document that is not text', async () => {
    const source = { type: 'base64', media_type: 'application/pdf', data: 'AAAA' }
    const { status, text } = await post('user', [{ type: 'document', source }])
    expect(status).toBe(400)
    expect(text).toContain('messages.1.content.0')
  })
})
