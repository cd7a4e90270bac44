import { describe, expect, it } from 'vitest'
import { AnswerCheck } from '../../../../client/attempt/answer-check.ts'
import { FORM_LIMITS } from '../../../../client/attempt/limits.ts'
import { encodeRequest } from '../../../../client/request/wire-request.ts'
import type { ChatRequest, Chunk, CompletionRequest } from '../../../../protocol/index.ts'

const DONE = { usage: { promptTokens: 5, completionTokens: 3, cachedPromptTokens: 0 } }
const messages = [{ role: 'user', content: 'hi' }] as const
const weather = { type: 'function', function: { name: 'weather' } } as const
const clock = { type: 'function', function: { name: 'clock' } } as const

const chat = (more: Partial<ChatRequest> = {}, resumed = ''): AnswerCheck =>
  new AnswerCheck(
    encodeRequest({ kind: 'chat', body: { model: 'm', messages, ...more } }, undefined),
    resumed,
  )
const completion = (more: Partial<CompletionRequest> = {}): AnswerCheck =>
  new AnswerCheck(
    encodeRequest({ kind: 'completion', body: { model: 'm', prompt: 'hi', ...more } }, undefined),
  )

const choice = (delta: object, finish_reason: string | null = null, more: object = {}): object => ({
  choices: [{ index: 0, delta, finish_reason, ...more }],
})
const call = (name: string): object =>
  choice({ tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name } }] })

/** Checks the whole answer, chunk by chunk. */
function give(check: AnswerCheck, chunks: readonly object[], finish = 'stop'): void {
  for (const chunk of chunks) check.value(chunk)
  check.value(choice({}, finish))
  check.done(DONE)
}
const text = (...pieces: readonly string[]): object[] =>
  pieces.map((content) => choice({ content }))
const MALFORMED = expect.objectContaining({ code: 'malformed' })

const strict = (schema: Record<string, unknown>): Partial<ChatRequest> => ({
  response_format: { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } },
})
const person = strict({ type: 'object', properties: { name: {} }, required: ['name'] })
const entry = (alternatives: number): object => ({
  token: 'a',
  logprob: -1,
  bytes: null,
  top_logprobs: Array.from({ length: alternatives }, () => ({
    token: 'b',
    logprob: -2,
    bytes: null,
  })),
})
const rated = (...entries: readonly object[]): object =>
  choice({ content: 'a' }, null, { logprobs: { content: entries } })

describe('an answer that fits its request', () => {
  const cases: readonly [
    name: string,
    check: AnswerCheck,
    chunks: readonly object[],
    end?: string,
  ][] = [
    ['plain text', chat(), text('hello ', 'there')],
    ['a call of an offered function', chat({ tools: [weather] }), [call('weather')], 'tool_calls'],
    [
      'a call of the required function',
      chat({ tools: [weather, clock], tool_choice: clock }),
      [call('clock')],
      'tool_calls',
    ],
    ['text where functions were offered', chat({ tools: [weather] }), text('sunny')],
    [
      'JSON in pieces',
      chat({ response_format: { type: 'json_object' } }),
      text(' ', '{"a"', ':1}'),
    ],
    ['JSON by a strict schema', chat(person), text('{"name":"Ada","more":1}')],
    ['a refusal in place of JSON', chat(person), [choice({ refusal: 'I cannot.' })]],
    ['JSON that its bound cut off', chat({ ...person, max_tokens: 3 }), text('{"na'), 'length'],
    ['a list by a strict schema', chat(strict({ type: 'array' })), text('[1]')],
    [
      'free text for a schema that is not strict',
      chat({ response_format: { type: 'text' } }),
      text('x'),
    ],
    ['log probabilities', chat({ logprobs: true, top_logprobs: 2 }), [rated(entry(2), entry(3))]],
    ['long tokens', chat({ max_tokens: 5 }), text(...Array<string>(5).fill(' '.repeat(128)))],
    ['reasoning with its answer', chat(), [choice({ reasoning_content: 'hm' }), ...text('yes')]],
  ]
  it.each(cases)('may be %s', (_, check, chunks, end) => {
    expect(() => give(check, chunks, end)).not.toThrow()
  })

  it('may be the rest of JSON that another peer began', () => {
    expect(() => give(chat(person, '{"na'), text('me":"Ada"}'))).not.toThrow()
  })

  it('may be a completion that repeats its prompt', () => {
    const prompt = 'x'.repeat(200_000)
    const check = completion({ prompt, echo: true, max_tokens: 1 })
    expect(() =>
      check.value({ choices: [{ index: 0, text: prompt, finish_reason: 'length' }] }),
    ).not.toThrow()
    const silent = completion({ prompt, max_tokens: 1 })
    expect(() =>
      silent.value({ choices: [{ index: 0, text: prompt, finish_reason: null }] }),
    ).toThrow(MALFORMED)
  })
})

describe('an answer that does not fit is malformed:', () => {
  const cases: readonly [
    name: string,
    check: AnswerCheck,
    chunks: readonly object[],
    end?: string,
  ][] = [
    ['a call where none was offered', chat(), [call('weather')], 'tool_calls'],
    ['an end by calls where none was offered', chat(), [], 'tool_calls'],
    [
      'a call where none is allowed',
      chat({ tools: [weather], tool_choice: 'none' }),
      [call('weather')],
    ],
    ['a call of another function', chat({ tools: [weather] }), [call('run_shell')]],
    [
      'a call of a function that was not chosen',
      chat({ tools: [weather, clock], tool_choice: clock }),
      [call('weather')],
    ],
    [
      'a call in place of JSON',
      chat({ response_format: { type: 'json_object' } }),
      [call('weather')],
    ],
    ['text in place of JSON', chat({ response_format: { type: 'json_object' } }), text('Sure! ')],
    ['a list in place of an object', chat(person), text('[1]')],
    ['an object without what is required', chat(person), text('{"nom":"Ada"}')],
    ['JSON that is not closed', chat(person), text('{"name":"Ada"')],
    ['nothing in place of JSON', chat(person), []],
    ['nothing after the beginning of JSON', chat(person, '{"name":"Al'), []],
    ['log probabilities that were not requested', chat(), [rated(entry(0))]],
    [
      'more alternatives than requested',
      chat({ logprobs: true, top_logprobs: 1 }),
      [rated(entry(3))],
    ],
    [
      'log probabilities of more tokens than requested',
      chat({ logprobs: true, max_tokens: 2 }),
      [rated(...Array.from({ length: 3 + FORM_LIMITS.spareTokens }, () => entry(0)))],
    ],
    ['a long text for five tokens', chat({ max_tokens: 5 }), text('x'.repeat(10_000))],
    [
      'long arguments for five tokens',
      chat({ tools: [weather], max_completion_tokens: 5 }),
      [choice({ tool_calls: [{ index: 0, function: { arguments: 'x'.repeat(10_000) } }] })],
    ],
    [
      'long reasoning for five tokens',
      chat({ max_tokens: 5 }),
      [choice({ reasoning_content: 'x'.repeat(10_000) })],
    ],
    ['many pieces for five tokens', chat({ max_tokens: 5 }), text(...Array<string>(200).fill('a'))],
    [
      'empty pieces without end',
      chat(),
      Array<object>(FORM_LIMITS.maxEmptyPieces + 1).fill(choice({})),
    ],
  ]
  it.each(cases)('%s', (_, check, chunks, end) => {
    expect(() => give(check, chunks, end)).toThrow(MALFORMED)
  })

  const frame = (tokenIds: number[], logprobs: number[], seq = 0): Chunk => ({
    seq,
    json: new TextEncoder().encode(JSON.stringify(choice({ content: 'a' }))),
    tokenIds,
    logprobs,
  })

  it('more token ids than were requested', () => {
    const check = chat({ max_tokens: 5 })
    check.chunk(frame([1, 2, 3, 4, 5], []))
    expect(() => check.chunk(frame(Array<number>(17).fill(6), [], 1))).toThrow(MALFORMED)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 0.5])('the log probability %d', (logprob) => {
    expect(() => chat().chunk(frame([1], [logprob]))).toThrow(MALFORMED)
  })

  it.each([
    [
      'values',
      `{"name":[${Array(FORM_LIMITS.maxJsonValues + 1)
        .fill('0')
        .join()}]}`,
    ],
    ['characters', `{"name":"${'x'.repeat(FORM_LIMITS.maxJsonLength)}"}`],
    ['levels', `{"name":${'['.repeat(500)}${']'.repeat(500)}}`],
  ])('JSON with more %s than a model writes', (_, json) => {
    expect(() => give(chat(person), text(json))).toThrow(MALFORMED)
    const call = { name: 'weather', arguments: json }
    const delta = { tool_calls: [{ index: 0, id: 'c', type: 'function', function: call }] }
    const calling = chat({ tools: [weather] })
    expect(() => give(calling, [choice(delta)], 'tool_calls')).toThrow(/not a JSON object/)
  })

  it('text for a strict schema, detected before the caller sees any of it', () => {
    expect(() => chat(person).value(choice({ content: 'Sure, ' }))).toThrow(MALFORMED)
  })
})
