import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOllamaBackend, createOpenAiBackend } from '../../../backend/index.ts'
import {
  chat,
  delta,
  events,
  fakeFetch,
  json,
  lines,
} from '../../../testing/engines/fake-engine.ts'
import { collect, failureOf } from '../../conformance/backend-answers.ts'

const HEAD = '<|start|>assistant'
const THOUGHT = '<|channel|>analysis<|message|>The user greets. I greet back.<|end|>'
const TOOLS = {
  tools: ['look', 'list'].map((name) => ({ type: 'function', function: { name } })),
}

interface Told {
  readonly text: string
  readonly reasoning: string
  readonly calls: readonly { readonly name: string; readonly arguments: string }[]
  readonly finishes: readonly string[]
}

const openAi = (pieces: readonly string[], finish: string, id: string) =>
  fakeFetch({
    '/v1/models': () => json({ data: [{ id, owned_by: 'someone' }] }),
    '/v1/chat/completions': () =>
      events(...pieces.map((piece) => delta(piece)), delta('', finish), '[DONE]'),
  }).fetch

/** What a caller gets of an answer in these pieces. */
async function told(
  pieces: readonly string[],
  finish = 'stop',
  id = 'm',
  extra: object = TOOLS,
): Promise<Told> {
  await using backend = createOpenAiBackend({
    baseUrl: 'http://engine',
    fetch: openAi(pieces, finish, id),
  })
  const answer = await collect(backend.infer(chat({ model: id, ...extra })))
  return toldBy(answer)
}

function toldBy({ events: all, finishes }: Awaited<ReturnType<typeof collect>>): Told {
  const answer = { text: '', reasoning: '' }
  const calls: { name: string; arguments: string }[] = []
  for (const event of all) {
    if (event.type === 'done' || !('object' in event.json)) continue
    if (event.json.object !== 'chat.completion.chunk') continue
    for (const { delta: added } of event.json.choices) {
      answer.text += added.content ?? ''
      answer.reasoning += added.reasoning_content ?? ''
      for (const { index, function: called } of added.tool_calls ?? []) {
        const call = calls[index] ?? { name: '', arguments: '' }
        calls[index] = call
        call.name += called?.name ?? ''
        call.arguments += called?.arguments ?? ''
      }
    }
  }
  return { ...answer, calls, finishes: finishes.map(String) }
}

const call = (name: string, text: string, header = `to=functions.${name} <|constrain|>json`) =>
  `<|channel|>commentary ${header}<|message|>${text}<|call|>`

const REASONING = 'The user greets. I greet back.'
const ANSWERS: readonly [string, string, Partial<Told>][] = [
  [
    'thoughts and text',
    `${THOUGHT}${HEAD}<|channel|>final<|message|>Hello <world>!<|return|>`,
    { reasoning: REASONING, text: 'Hello <world>!', finishes: ['stop'] },
  ],
  [
    'text alone, after its own role',
    `${HEAD}<|channel|>final<|message|>Hello`,
    { text: 'Hello', reasoning: '' },
  ],
  ['a header without a channel', '<|message|>Hello<|end|>', { text: 'Hello' }],
  [
    'headers without the ends before them',
    `<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>Hello`,
    { reasoning: 'Hm.', text: 'Hello' },
  ],
  [
    'a call',
    `${THOUGHT}${HEAD}${call('look', '{"at":1}')}`,
    { calls: [{ name: 'look', arguments: '{"at":1}' }], finishes: ['tool_calls'], text: '' },
  ],
  [
    'a preamble and two calls, the recipient before the channel',
    [
      '<|channel|>commentary<|message|>I look.<|end|>',
      `${HEAD} to=functions.look<|channel|>commentary json<|message|>{}<|call|>`,
      HEAD,
      call('look', '{"at":2}', 'to=functions.look'),
    ].join(''),
    {
      text: 'I look.',
      calls: [
        { name: 'look', arguments: '{}' },
        { name: 'look', arguments: '{"at":2}' },
      ],
      finishes: ['tool_calls'],
    },
  ],
]

describe('channels of gpt-oss that an engine passes on', () => {
  it.each(ANSWERS)('are read: %s', async (_, raw, expected) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 40 }),
        async (cuts) => {
          const pieces: string[] = []
          let at = 0
          for (const length of cuts) {
            pieces.push(raw.slice(at, at + length))
            at += length
          }
          expect(await told([...pieces, raw.slice(at)])).toMatchObject(expected)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('are read at Ollama, too', async () => {
    const { fetch } = fakeFetch({
      '/api/tags': () => json({ models: [{ name: 'm:latest', digest: 'a' }] }),
      '/api/ps': () => json({ models: [] }),
      '/api/show': () => json({ modelfile: 'FROM /b', capabilities: ['completion'] }),
      '/api/chat': () =>
        lines(
          { message: { content: THOUGHT } },
          { message: { content: `${HEAD}<|channel|>final<|message|>Hello` } },
          { message: { content: '' }, done: true, done_reason: 'stop' },
        ),
    })
    await using backend = createOllamaBackend({ fetch })
    const answer = toldBy(await collect(backend.infer(chat())))
    expect(answer).toMatchObject({ reasoning: REASONING, text: 'Hello', finishes: ['stop'] })
  })

  it('end within a call or a header if the answer has no more tokens', async () => {
    const begun = `${THOUGHT}${HEAD}`
    expect(
      await told([`${begun}<|channel|>commentary to=functions.look<|message|>{"at":`], 'length'),
    ).toMatchObject({ calls: [{ name: 'look', arguments: '{"at":' }], finishes: ['length'] })
    expect(await told([`${begun}<|channel|>fin`], 'length')).toMatchObject({
      ...{ reasoning: REASONING, text: '', calls: [], finishes: ['length'] },
    })
  })

  it.each([
    [
      'a mark that is what was asked for',
      '<|start|> begins a message.',
      '<|start|> begins a message.',
    ],
    ['words behind an end', `${THOUGHT}${HEAD}<|channel|>final<|message|>Hel<|end|>lo`, 'Hello'],
    [
      'no text behind an end',
      `${THOUGHT}${HEAD}<|channel|>final<|message|>Hello<|end|>\n`,
      'Hello',
    ],
    ['a header without its text', `${THOUGHT}<|channel|>fin`, ''],
  ])('lose no text of a complete answer: %s', async (_, raw, text) => {
    for (const pieces of [[raw], [...raw]]) expect((await told(pieces)).text).toBe(text)
  })

  it.each([
    ['another channel', '<|channel|>secret<|message|>x'],
    ['a tool of the model’s own', '<|channel|>analysis to=browser.search<|message|>{}<|call|>'],
    ['a header without an end', `<|channel|>${'a'.repeat(500)}`],
  ])('fail the answer if unknown: %s', async (_, raw) => {
    const backend = createOpenAiBackend({
      baseUrl: 'http://engine',
      fetch: openAi([raw], 'stop', 'm'),
    })
    const { error } = await failureOf(backend.infer(chat()))
    expect(error).toMatchObject({
      code: 'engine_failed',
      message: expect.stringContaining('header'),
    })
  })

  it.each([
    'analysisWe need to greet.assistantfinalHello',
    'commentary to=functions.look json{"at":1}',
    'assistantfinalHello',
  ])('fail the answer of gpt-oss if their marks are left out: %s', async (raw) => {
    for (const pieces of [[raw], [...raw]]) {
      const backend = createOpenAiBackend({
        baseUrl: 'http://engine',
        fetch: openAi(pieces, 'stop', 'openai/gpt-oss-20b'),
      })
      const { error } = await failureOf(backend.infer(chat({ model: 'openai/gpt-oss-20b' })))
      expect(error).toMatchObject({
        code: 'engine_failed',
        message: expect.stringContaining('without their marks'),
      })
    }
  })

  it.each([
    ['m', 'analysisWe need'],
    ['gpt-oss-20b', 'analysis of the text: it is short'],
    ['gpt-oss-20b', 'analysis'],
    ['m', 'The mark <|channel|>analysis<|message|> opens thoughts.'],
    ['m', '<|im_start|> is a mark'],
    ['m', '<|'],
  ])('are not seen in other answers of %s: %s', async (id, raw) => {
    for (const pieces of [[raw], [...raw]]) {
      expect(await told(pieces, 'stop', id)).toMatchObject({ text: raw, reasoning: '', calls: [] })
    }
  })
})
