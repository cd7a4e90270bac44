import { describe, expect, it, vi } from 'vitest'
import type { DialectAnswer } from '../../../testing/chaos/dialects/answer.ts'
import { DIALECTS } from '../../../testing/chaos/dialects/dialects.ts'
import { questionOf } from '../../../testing/chaos/dialects/question.ts'
import { isTypedError } from '../../../testing/chaos/dialects/typed-error.ts'
import { events, json, type Reply } from '../../../testing/engines/fake-engine.ts'
import { chunk, gatewayOver } from './gateway-over.ts'

vi.setConfig({ testTimeout: 30_000 })

const DIALECT_NAMES = ['chat', 'responses', 'anthropic', 'ollama'] as const
type Answer = Omit<DialectAnswer, 'finish'>
const said = (text: string, more: Partial<Answer> = {}): Answer => ({
  text,
  reasoning: '',
  calls: [],
  ...more,
})
const called = (city: string) => ({ name: 'weather', arguments: { city } })
const call = (more: object, about: object): object => ({
  tool_calls: [{ ...more, function: { name: 'weather', ...about } }],
})
const oslo = '{"city":"Oslo"}'
const usage = (counts: unknown): string => JSON.stringify({ choices: [], usage: counts })
const stream =
  (...data: readonly string[]): Reply =>
  () =>
    events(...data, '[DONE]')
const text = [chunk({ content: 'a' }), chunk({ content: 'b' }, 'stop')]

/** What an engine sends, and what a caller reads of it in every dialect; a pattern: of the failure. */
const CASES: Readonly<Record<string, readonly [Reply, Answer | RegExp]>> = {
  'usage: null': [stream(...text, usage(null)), said('ab')],
  'usage: none': [stream(...text), said('ab')],
  'usage in text': [
    stream(...text, usage({ prompt_tokens: '3', completion_tokens: '2' })),
    said('ab'),
  ],
  'usage: whole with a fraction of zero': [
    stream(...text, '{"choices":[],"usage":{"prompt_tokens":3.0,"completion_tokens":2}}'),
    said('ab'),
  ],
  'usage below zero': [
    stream(...text, usage({ prompt_tokens: -1, completion_tokens: 2 })),
    said('ab'),
  ],
  'usage with a fraction': [
    stream(...text, usage({ prompt_tokens: 3, completion_tokens: 2.5 })),
    said('ab'),
  ],
  'usage beyond whole numbers': [
    stream(...text, usage({ prompt_tokens: 1e300, completion_tokens: 2 })),
    said('ab'),
  ],
  'usage as a list': [stream(...text, usage([3, 2])), said('ab')],
  'usage as a word': [stream(...text, usage('many')), said('ab')],
  'cached below zero': [
    stream(...text, usage({ prompt_tokens: 3, prompt_tokens_details: { cached_tokens: -4 } })),
    said('ab'),
  ],
  'content as a number': [stream(chunk({ content: 7 }, 'stop')), /content/],
  'content as an object': [stream(chunk({ content: { a: 1 } }, 'stop')), /content/],
  'content true': [stream(chunk({ content: true }, 'stop')), /content/],
  'a list of texts': [stream(chunk({ content: ['a', 'b'] }, 'stop')), said('ab')],
  'parts as output_text': [
    stream(chunk({ content: [{ type: 'output_text', text: 'ab' }] }, 'stop')),
    said('ab'),
  ],
  'reasoning as a list': [
    stream(chunk({ reasoning_content: [{ type: 'text', text: 'hm' }] }), ...text),
    said('ab', { reasoning: 'hm' }),
  ],
  'arguments as an object': [
    stream(chunk(call({ index: 0, id: 'c' }, { arguments: { city: 'Oslo' } }), 'tool_calls')),
    said('', { calls: [called('Oslo')] }),
  ],
  'arguments as a list': [
    stream(chunk(call({ index: 0, id: 'c' }, { arguments: ['Oslo'] }), 'tool_calls')),
    /argument/,
  ],
  'arguments as a number': [
    stream(chunk(call({ index: 0, id: 'c' }, { arguments: 7 }), 'tool_calls')),
    /argument/,
  ],
  'arguments that are a list in text': [
    stream(chunk(call({ index: 0, id: 'c' }, { arguments: '[1]' }), 'tool_calls')),
    /argument/,
  ],
  'arguments: null': [
    stream(chunk(call({ index: 0, id: 'c' }, { arguments: null }), 'tool_calls')),
    said('', { calls: [{ name: 'weather', arguments: {} }] }),
  ],
  'calls without ids': [
    stream(
      chunk(
        {
          tool_calls: [
            { function: { name: 'weather', arguments: oslo } },
            { function: { name: 'weather', arguments: '{"city":"Rome"}' } },
          ],
        },
        'tool_calls',
      ),
    ),
    said('', { calls: [called('Oslo'), called('Rome')] }),
  ],
  'calls with indices that begin at 1': [
    stream(
      chunk(
        {
          tool_calls: [
            { index: 1, id: 'a', function: { name: 'weather', arguments: oslo } },
            { index: 2, id: 'b', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
          ],
        },
        'tool_calls',
      ),
    ),
    said('', { calls: [called('Oslo'), called('Rome')] }),
  ],
  'an id that is a number': [
    stream(chunk(call({ index: 0, id: 7 }, { arguments: oslo }), 'tool_calls')),
    said('', { calls: [called('Oslo')] }),
  ],
  'a name that is a number': [
    stream(
      chunk(
        { tool_calls: [{ index: 0, id: 'c', function: { name: 7, arguments: oslo } }] },
        'tool_calls',
      ),
    ),
    /name/,
  ],
  'a call without a name': [
    stream(
      chunk({ tool_calls: [{ index: 0, id: 'c', function: { arguments: oslo } }] }, 'tool_calls'),
    ),
    /name/,
  ],
  'a call as an object': [
    stream(
      chunk(
        { tool_calls: { index: 0, function: { name: 'weather', arguments: oslo } } },
        'tool_calls',
      ),
    ),
    said('', { calls: [called('Oslo')] }),
  ],
  'an index below zero': [
    stream(chunk(call({ index: -1, id: 'c' }, { arguments: oslo }), 'tool_calls')),
    /index/,
  ],
  'finish reason eos': [stream(chunk({ content: 'ab' }, 'eos')), said('ab')],
  'finish reason tool_use': [
    stream(chunk(call({ index: 0, id: 'c' }, { arguments: oslo }), 'tool_use')),
    said('', { calls: [called('Oslo')] }),
  ],
  'a finish reason that is a number': [
    stream(
      chunk({ content: 'ab' }),
      JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 7 }] }),
    ),
    /finish_reason/,
  ],
  'no finish reason': [stream(chunk({ content: 'ab' })), /finish reason|broke off/],
  'an error within': [
    stream(
      chunk({ content: 'a' }),
      JSON.stringify({ error: { message: 'Quota is spent', code: 429 } }),
    ),
    /Quota is spent/,
  ],
  'an error with status 200': [
    () => json({ error: { message: 'Quota is spent', code: 429 } }),
    /Quota is spent/,
  ],
  'a whole answer': [
    () => json({ choices: [{ index: 0, message: { content: 'ab' }, finish_reason: 'stop' }] }),
    said('ab'),
  ],
  'a whole answer with a call': [
    () =>
      json({
        choices: [
          {
            index: 0,
            message: {
              content: null,
              tool_calls: [
                { id: 'c', type: 'function', function: { name: 'weather', arguments: oslo } },
              ],
            },
            finish_reason: 'tool_calls',
          },
        ],
      }),
    said('', { calls: [called('Oslo')] }),
  ],
  'two answers': [
    stream(
      JSON.stringify({
        choices: [
          { index: 0, delta: { content: 'a' } },
          { index: 1, delta: { content: 'b' } },
        ],
      }),
    ),
    /choices/,
  ],
  'a choice that is null': [stream('{"choices":[null]}', ...text), said('ab')],
  'a delta that is a text': [
    stream('{"choices":[{"index":0,"delta":"ab","finish_reason":"stop"}]}'),
    /delta/,
  ],
  'an event that is a list': [stream('[]', ...text), /.*/],
  'half a record': [() => new Response('data: {"choices":[{"ind'), /.*/],
}

describe.each(Object.entries(CASES))('an odd value of an engine: %s', (_, [reply, expected]) => {
  it('is read alike, or fails alike, in every dialect', async () => {
    const question = { ...questionOf('one call', false), prompt: 'How is the weather in Oslo?' }
    for (const dialect of DIALECT_NAMES) {
      for (const isStream of [true, false]) {
        const { fetch } = await gatewayOver([], reply)
        const outcome = await DIALECTS[dialect]({
          fetch,
          model: 'p/x',
          question,
          stream: isStream,
        }).catch((error: unknown) => error)
        const where = `${dialect}${isStream ? ', streamed' : ''}`
        if (expected instanceof RegExp) {
          expect(outcome, where).toBeInstanceOf(Error)
          expect(isTypedError(outcome), `${where}: ${String(outcome)}`).toBe(true)
          expect(String((outcome as Error).message), where).toMatch(expected)
        } else {
          const { finish: __, ...answer } = outcome as DialectAnswer
          expect(answer, `${where}: ${String(outcome)}`).toEqual(expected)
        }
      }
    }
  })
})

describe('a usage that no engine can have counted', () => {
  const COUNTS: readonly unknown[] = [
    { prompt_tokens: -1, completion_tokens: 2 },
    { prompt_tokens: 3, completion_tokens: 2.5 },
    { prompt_tokens: 1e300, completion_tokens: 2 },
    { prompt_tokens: 3, prompt_tokens_details: { cached_tokens: -4 } },
    {
      prompt_tokens: 3,
      completion_tokens: 1,
      completion_tokens_details: { reasoning_tokens: 0.5 },
    },
    [3, 2],
    'many',
  ]
  it.each(COUNTS)('is estimated, after a whole answer: %j', async (counts) => {
    const { post } = await gatewayOver([], stream(...text, usage(counts)))
    const messages = [{ role: 'user', content: 'hello' }]
    const { body } = await post('/v1/chat/completions', { model: 'p/x', messages })
    const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = body.usage
    for (const count of [prompt, completion, total]) {
      expect(Number.isSafeInteger(count) && count > 0, JSON.stringify(body.usage)).toBe(true)
    }
    expect(total).toBe(prompt + completion)
  })
})
