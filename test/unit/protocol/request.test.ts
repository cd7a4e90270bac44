import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  InferenceError,
  LIMITS,
  parseRequest,
  parseRequestBytes,
  requirementsOf,
} from '../../../protocol/index.ts'

const messages = [{ role: 'user', content: 'hi' }]
const chat = (fields: object) => parseRequest('chat', { model: 'm', messages, ...fields })

function refusalOf(parse: () => unknown): InferenceError {
  try {
    parse()
  } catch (error) {
    if (InferenceError.is(error)) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('a request', () => {
  it('keeps relevant fields and drops those that cannot change an answer', () => {
    const request = chat({ user: 'u', store: true, stream: true, temperature: 0, stop: ['\n'] })
    expect(request.body).toEqual({ model: 'm', messages, temperature: 0, stop: ['\n'] })
  })

  it.each([
    'chat_template',
    'prompt_embeds',
    'kv_transfer_params',
    'num_ctx',
    'keep_alive',
    'options',
    'constructor',
    '__proto__',
  ])('with %s is refused by name', (field) => {
    const body = JSON.parse(
      `{"model":"m","messages":[{"role":"user","content":"hi"}],"${field}":{}}`,
    )
    expect(refusalOf(() => parseRequest('chat', body))).toMatchObject({
      code: 'invalid_request',
      details: { param: field },
    })
  })

  it.each([
    ['messages', { messages: [] }],
    ['messages.0.role', { messages: [{ role: 'god', content: '' }] }],
    ['temperature', { temperature: 3 }],
    ['n', { n: LIMITS.maxChoices + 1 }],
    ['top_logprobs', { top_logprobs: 21 }],
    ['stop', { stop: Array(LIMITS.maxStopStrings + 1).fill('x') }],
    ['max_tokens', { max_tokens: 0 }],
    ['messages.0.keep_alive', { messages: [{ role: 'user', content: '', keep_alive: 1 }] }],
  ])('names %s when it is out of bounds', (param, fields) => {
    expect(refusalOf(() => chat(fields))).toMatchObject({
      code: 'invalid_request',
      details: { param },
    })
  })

  it('may not make a node fetch an image', () => {
    const content = [{ type: 'image_url', image_url: { url: 'http://169.254.169.254/' } }]
    expect(refusalOf(() => chat({ messages: [{ role: 'user', content }] })).code).toBe(
      'invalid_request',
    )
  })

  it('may not nest a schema too deeply', () => {
    let schema: object = {}
    for (let depth = 0; depth < 10_000; depth++) schema = { not: schema }
    const response_format = { type: 'json_schema', json_schema: { name: 's', schema } }
    expect(refusalOf(() => chat({ response_format })).message).toMatch(/levels/)
  })

  it('says what its engine must offer', () => {
    expect(requirementsOf(chat({}))).toEqual({ capabilities: ['chat'], fields: [] })
    expect(requirementsOf(chat({ n: 1, presence_penalty: 0, top_k: null })).fields).toEqual([])
    expect(requirementsOf(chat({ n: 2, top_k: 5, logit_bias: { 1: 2 } })).fields).toEqual([
      'n',
      'logit_bias',
      'top_k',
    ])
    const tools = [{ type: 'function', function: { name: 'f' } }]
    const response_format = { type: 'json_object' }
    expect(requirementsOf(chat({ tools, response_format, logprobs: true })).capabilities).toEqual([
      'chat',
      'logprobs',
      'tools',
      'json_schema',
    ])
    const vision = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,' } }]
    expect(
      requirementsOf(chat({ messages: [{ role: 'user', content: vision }] })).capabilities,
    ).toEqual(['chat', 'vision'])
  })

  it('of any JSON or bytes is accepted or refused with a typed error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('chat', 'completion', 'embedding', 'score'),
        fc.jsonValue(),
        (kind, body) => {
          try {
            parseRequest(kind, body)
          } catch (error) {
            if (!InferenceError.is(error)) throw error
          }
        },
      ),
    )
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(refusalOf(() => parseRequestBytes('chat', bytes)).code).toBe('invalid_request')
      }),
    )
  })
})

describe('arguments of earlier tool calls', () => {
  const called = (...texts: string[]): unknown[] => [
    ...messages,
    {
      role: 'assistant',
      content: null,
      tool_calls: texts.map((text, n) => ({
        ...{ id: `call_${n}`, type: 'function' },
        function: { name: 'f', arguments: text },
      })),
    },
  ]
  const lists = (count: number): string => `{"a":[${Array(count).fill('[]').join()}]}`
  const many = Array(30).fill(lists(6_000))

  it.each([
    ['deep', called('['.repeat(1_000_000))],
    ['of many values', called(lists(1_000_000))],
    ['of many values in all', called(...many)],
    ['behind one that is cut off', called('{"a":"', lists(1_000_000))],
  ])('are refused: %s', (_, history) => {
    const body = { model: 'm', messages: history }
    const score = { model: 'm', request: { kind: 'chat', body }, completion: [1], top_logprobs: 1 }
    for (const parse of [() => parseRequest('chat', body), () => parseRequest('score', score)]) {
      expect(refusalOf(parse).message).toMatch(/more than \d+ |too many values/)
    }
  })

  it('may be long, and invalid', () => {
    const history = called(`{"text":"${'word '.repeat(100_000)}"}`, '{"a":', lists(1_000))
    expect(parseRequest('chat', { model: 'm', messages: history }).kind).toBe('chat')
  })
})
