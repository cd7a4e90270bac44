import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOllamaBackend, createOpenAiBackend, WrongShape } from '../../../backend/index.ts'
import { type ChatChunk, InferenceError, parseRequest } from '../../../protocol/index.ts'
import {
  chat,
  events,
  fakeFetch,
  json,
  lines,
  type Reply,
} from '../../../testing/engines/fake-engine.ts'
import { collect, failureOf } from '../../conformance/backend-answers.ts'

const PATH = '/v1/chat/completions'
const TOOLS = ['search', 'open'].map((name) => ({ type: 'function', function: { name } }))

const chunk = (delta: object, finish: string | null = null, extra: object = {}): string =>
  JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish, ...extra }] })

interface Heard {
  readonly text: string
  readonly reasoning: string
  readonly refusal: string
  readonly calls: readonly { readonly id: string; readonly name: string; readonly text: string }[]
  readonly finishes: readonly string[]
  readonly usage: object
  readonly stopReason: string | undefined
}

/** An answer as OpenAI's SDKs assemble it: ids, names and arguments concatenated by index. */
async function heard(reply: Reply, extra: object = { tools: TOOLS }): Promise<Heard> {
  const { fetch } = fakeFetch({ [PATH]: reply })
  const backend = createOpenAiBackend({ baseUrl: 'http://cloud/v1', fetch, assumed: true })
  const { events: all, done, finishes } = await collect(backend.infer(chat(extra)))
  const calls: { id: string; name: string; text: string }[] = []
  let [text, reasoning, refusal] = ['', '', '']
  let stopReason: string | undefined
  for (const event of all) {
    if (event.type !== 'chunk') continue
    for (const { delta, stop_reason } of (event.json as ChatChunk).choices) {
      text += delta.content ?? ''
      reasoning += delta.reasoning_content ?? ''
      refusal += delta.refusal ?? ''
      stopReason = stop_reason ?? stopReason
      for (const call of delta.tool_calls ?? []) {
        calls[call.index] ??= { id: '', name: '', text: '' }
        const known = calls[call.index] as (typeof calls)[number]
        known.id += call.id ?? ''
        known.name += call.function?.name ?? ''
        known.text += call.function?.arguments ?? ''
      }
    }
  }
  return { text, reasoning, refusal, calls, finishes, usage: done.usage, stopReason }
}

const failed = async (reply: Reply): Promise<InferenceError> => {
  const { fetch } = fakeFetch({ [PATH]: reply })
  const backend = createOpenAiBackend({ baseUrl: 'http://cloud/v1', fetch, assumed: true })
  const { error } = await failureOf(backend.infer(chat({ tools: TOOLS })))
  if (InferenceError.is(error)) return error
  throw error
}

const part = (text: string) => ({ type: 'text', text })

describe('content', () => {
  it.each<[string, unknown, Partial<Heard>]>([
    ['a text', 'geese', { text: 'geese' }],
    ['null', null, { text: '' }],
    ['a list of parts', [part('ge'), part('ese')], { text: 'geese' }],
    ['one part', part('geese'), { text: 'geese' }],
    ['a list of texts', ['ge', 'ese'], { text: 'geese' }],
    ['OpenAI’s output_text', [{ type: 'output_text', text: 'geese' }], { text: 'geese' }],
    [
      'Mistral’s thoughts, in parts',
      [{ type: 'thinking', thinking: [part('hm'), part('!')] }, part('geese')],
      { reasoning: 'hm!', text: 'geese' },
    ],
    ['a thought that is text', [{ type: 'thinking', thinking: 'hm' }], { reasoning: 'hm' }],
    ['a refusal', [{ type: 'refusal', refusal: 'no' }], { refusal: 'no' }],
    ['a reference', [part('geese'), { type: 'reference', reference_ids: [1] }], { text: 'geese' }],
    ['nothing', [], { text: '' }],
  ])('as %s is read', async (_, content, expected) => {
    const streamed = await heard(events(chunk({ content }), chunk({}, 'stop'), '[DONE]'))
    expect(streamed).toMatchObject(expected)
    const message = { role: 'assistant', content }
    const whole = json({ choices: [{ index: 0, message, finish_reason: 'stop' }] })
    expect(await heard(whole)).toMatchObject(expected)
  })

  it.each<[string, unknown, string]>([
    ['an image', [{ type: 'image_url', image_url: { url: 'x' } }], "an object of type 'image_url'"],
    ['a number', 7, 'the number 7'],
    ['a part without a type or text', { words: 'geese' }, 'an object'],
    ['a list in a list', [['geese']], 'a list that begins with text'],
    ['a part whose text is a list', [{ type: 'text', text: [1] }], 'the number 1'],
  ])('as %s fails, naming field and shape', async (_, content, shape) => {
    const error = await failed(events(chunk({ content }), chunk({}, 'stop'), '[DONE]'))
    expect(error).toMatchObject({ code: 'engine_failed' })
    expect(error.message).toContain('choices.0.delta.content')
    expect(error.message).toContain(shape)
  })

  it.each<[string, object, string]>([
    ['reasoning_content', { reasoning_content: 'hm' }, 'hm'],
    ['reasoning', { reasoning: 'hm' }, 'hm'],
    ['both, as some gateways send it', { reasoning: 'hm', reasoning_content: 'hm' }, 'hm'],
    ['details', { reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] }, 'hm'],
    ['reasoning_text', { reasoning_text: 'hm' }, 'hm'],
    ['encrypted details', { reasoning_details: [{ type: 'reasoning.encrypted', data: 'x' }] }, ''],
  ])('thought as %s is read once', async (_, delta, reasoning) => {
    const answer = await heard(events(chunk(delta), chunk({ content: 'a' }, 'stop'), '[DONE]'))
    expect(answer).toMatchObject({ reasoning, text: 'a' })
  })
})

describe('an answer', () => {
  const said = { text: 'seven geese', reasoning: 'I count.' }

  it('is the same in whatever parts and shapes its content comes', async () => {
    const shapes: readonly ((text: string) => unknown)[] = [
      (text) => text,
      (text) => [part(text)],
      (text) => part(text),
      (text) => [...text],
      (text) => [...text].map(part),
      (text) => [{ type: 'output_text', text }],
    ]
    const thoughtShapes: readonly ((text: string) => object)[] = [
      (text) => ({ reasoning_content: text }),
      (text) => ({ reasoning: text, reasoning_content: text }),
      (text) => ({ content: [{ type: 'thinking', thinking: [part(text)] }] }),
      (text) => ({ reasoning_details: [{ type: 'reasoning.text', text }] }),
    ]
    const pieces = (text: string) =>
      fc
        .array(fc.nat(text.length), { maxLength: 4 })
        .map((cuts) => [0, ...cuts.toSorted((a, b) => a - b), text.length])
        .map((at) => at.slice(1).map((end, index) => text.slice(at[index], end)))
    const shape = fc.infiniteStream(fc.nat())
    await fc.assert(
      fc.asyncProperty(pieces(said.reasoning), pieces(said.text), shape, async (a, b, any) => {
        const one = <T>(list: readonly T[]) => list[any.next().value % list.length] as T
        const reply = events(
          ...a.map((text) => chunk(one(thoughtShapes)(text))),
          ...b.map((text) => chunk({ content: one(shapes)(text) })),
          ...[chunk({}, 'stop'), '[DONE]'],
        )
        expect(await heard(reply)).toMatchObject({ ...said, finishes: ['stop'] })
      }),
      { numRuns: 60 },
    )
  })

  /** Every place in a value, as a path. */
  const placesIn = (value: unknown): (string | number)[][] =>
    typeof value !== 'object' || value === null
      ? []
      : Object.entries(value).flatMap(([key, inner]) => [
          [key],
          ...placesIn(inner).map((rest) => [key, ...rest]),
        ])
  const changed = (value: unknown, [key, ...rest]: readonly (string | number)[], to: unknown) => {
    const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
      string,
      unknown
    >
    const name = String(key)
    if (rest.length > 0) copy[name] = changed(copy[name], rest, to)
    else if (to === undefined) delete copy[name]
    else copy[name] = to
    return copy
  }

  it('with a field of another type, or without one, is whole or fails, and never lacks a part', async () => {
    const call = { id: 'c', type: 'function', function: { name: 'search', arguments: '{"q":1}' } }
    const records: object[] = [
      { choices: [{ index: 0, delta: { role: 'assistant', reasoning_content: said.reasoning } }] },
      { choices: [{ index: 0, delta: { content: said.text }, finish_reason: null }] },
      { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, ...call }] } }] },
      { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
    ]
    const places = records.flatMap((record, at) => placesIn(record).map((path) => [at, ...path]))
    const other = fc.oneof(
      ...[fc.boolean(), fc.constant(1.5), fc.constant({ x: 1 }), fc.constant([7])],
      fc.constant(undefined),
    )
    const whole = await heard(events(...records.map((record) => JSON.stringify(record)), '[DONE]'))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), other, async (path, to) => {
        const from = path.reduce<unknown>((inner, key) => (inner as never)[key], records)
        // Another object is no other type, and arguments may be one.
        const mayBeObject = typeof from === 'object' || path.at(-1) === 'arguments'
        fc.pre(!(mayBeObject && typeof to === 'object' && !Array.isArray(to)))
        const sent = changed(records, path, to) as unknown as Record<string, object>
        const reply = events(...Object.values(sent).map((one) => JSON.stringify(one)), '[DONE]')
        const read = await heard(reply).catch((error: unknown) => error)
        if (InferenceError.is(read)) return
        const { text, reasoning, calls } = read as Heard
        // A field that is absent has nothing to lose but itself.
        const isGone = to === undefined
        const made = calls.map(({ name, text: given }) => [name, given])
        const right = whole.calls.map(({ name, text: given }) => [name, given])
        if (isGone) {
          expect([whole.text, '']).toContain(text)
          expect([whole.reasoning, '']).toContain(reasoning)
          expect([right, [], [['search', '']]]).toContainEqual(made)
        } else expect({ text, reasoning, made }).toEqual({ ...said, made: right })
      }),
      { numRuns: 300 },
    )
  })
})

describe('an answer whose text is somewhere else', () => {
  it('is read where engines stream a chat as a text', async () => {
    const piece = (text: string, finish: string | null) =>
      JSON.stringify({ choices: [{ index: 0, text, finish_reason: finish }] })
    expect(await heard(events(piece('gee', null), piece('se', 'stop'), '[DONE]'))).toMatchObject({
      ...{ text: 'geese', finishes: ['stop'] },
    })
  })

  it.each([
    ['audio', { transcript: 'geese' }],
    ['output', 'geese'],
    ['parts', [{ text: 'geese' }]],
  ])('fails if nothing else came, and names %s', async (field, value) => {
    const parts = [chunk({ [field]: value }), chunk({}, 'stop'), '[DONE]']
    const error = await failed(events(...parts))
    expect(error).toMatchObject({ code: 'engine_failed' })
    expect(error.message).toContain(`choices.0.delta.${field}`)
    const beside = await heard(events(chunk({ content: 'a' }), ...parts))
    expect(beside).toMatchObject({ text: 'a', finishes: ['stop'] })
  })

  it('may be empty', async () => {
    const reply = events(chunk({ role: 'assistant', content: '' }), chunk({}, 'stop'), '[DONE]')
    expect(await heard(reply)).toMatchObject({ text: '', finishes: ['stop'] })
  })
})

describe('tool calls', () => {
  const first = { id: 'c_search', name: 'search', text: '{"q":"geese"}' }
  const second = { id: 'c_open', name: 'open', text: '{"page":2}' }
  const sent = ({ id, name, text }: typeof first, index?: number) => ({
    ...(index !== undefined && { index }),
    id,
    type: 'function',
    function: { name, arguments: text },
  })
  const stream = (...calls: readonly object[]) =>
    events(...calls.map((call) => chunk({ tool_calls: [call] })), chunk({}, 'tool_calls'), '[DONE]')

  it.each<[string, Reply]>([
    ['without index', stream(sent(first), sent(second))],
    ['all with index 0', stream(sent(first, 0), sent(second, 0))],
    ['counted from 1', stream(sent(first, 1), sent(second, 2))],
    ['as OpenAI does', stream(sent(first, 0), sent(second, 1))],
    [
      'in one list without index',
      events(chunk({ tool_calls: [sent(first), sent(second)] }), chunk({}, 'stop'), '[DONE]'),
    ],
    [
      'in a whole answer',
      json({
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: null, tool_calls: [sent(first), sent(second)] },
            finish_reason: 'stop',
          },
        ],
      }),
    ],
    [
      'with arguments that are objects',
      stream(
        { ...sent(first), function: { name: 'search', arguments: { q: 'geese' } } },
        { ...sent(second), function: { name: 'open', arguments: { page: 2 } } },
      ),
    ],
    [
      'with id and name in every part',
      stream(
        { index: 0, id: first.id, function: { name: 'search', arguments: '' } },
        { index: 0, id: first.id, function: { name: 'search', arguments: '{"q":' } },
        { index: 0, id: first.id, function: { name: 'search', arguments: '"geese"}' } },
        sent(second, 1),
      ),
    ],
    [
      'mixed, told apart by id alone',
      stream(
        { id: first.id, function: { name: 'search', arguments: '{"q":' } },
        { id: second.id, function: { name: 'open', arguments: '{"page"' } },
        { id: first.id, function: { arguments: '"geese"}' } },
        { id: second.id, function: { arguments: ':2}' } },
      ),
    ],
    [
      'repeated whole at their end',
      stream(
        { index: 0, id: first.id, function: { name: 'search', arguments: '{"q":' } },
        { index: 0, function: { arguments: '"geese"}' } },
        sent(first, 0),
        sent(second, 1),
        sent(second, 1),
      ),
    ],
    [
      'numbered in text',
      stream(
        { index: '0', id: first.id, function: { name: 'search', arguments: '{"q":' } },
        { ...sent(second), index: '1' },
        { index: '0', function: { arguments: '"geese"}' } },
      ),
    ],
    [
      'with empty ids and names in the later parts',
      stream(
        { index: 0, id: first.id, function: { name: 'search', arguments: '{"q":' } },
        { index: 0, id: '', function: { name: '', arguments: '"geese"}' } },
        sent(second, 1),
      ),
    ],
  ])('%s are two', async (_, reply) => {
    const answer = await heard(reply)
    expect(answer.calls).toEqual([first, second])
    expect(answer.finishes).toEqual(['tool_calls'])
  })

  it('of one function are two where each is a name alone, and one where arguments follow', async () => {
    const named = { function: { name: 'search' } }
    const rest = { function: { name: 'search', arguments: '{"q":1}' } }
    const { calls } = await heard(stream(named, named, rest))
    expect(calls.map(({ text }) => text)).toEqual(['', '{"q":1}'])
  })

  it.each(['parameters', 'args', 'input'])('may have their arguments as %s', async (field) => {
    const bare = (value: unknown, index: number) => ({
      ...{ index, id: `c${index}` },
      function: { name: 'search', arguments: null, [field]: value },
    })
    const { calls } = await heard(stream(bare('{"q":1}', 0), bare({ q: 2 }, 1)))
    expect(calls.map(({ text }) => text)).toEqual(['{"q":1}', '{"q":2}'])
  })

  it('that never came are not the end of an answer', async () => {
    const answer = await heard(events(chunk({ content: 'a' }), chunk({}, 'tool_calls'), '[DONE]'))
    expect(answer).toMatchObject({ text: 'a', finishes: ['stop'] })
  })

  it('of the same function without ids are two, with an id each', async () => {
    const bare = (text: string) => ({ index: 0, function: { name: 'search', arguments: text } })
    const { calls } = await heard(stream(bare('{"q":1}'), bare('{"q":2}')))
    expect(calls.map(({ text }) => text)).toEqual(['{"q":1}', '{"q":2}'])
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
    expect(calls.every(({ id }) => id.length > 5)).toBe(true)
  })

  it('with the same id get distinct ids, because results refer to them', async () => {
    const { calls } = await heard(stream(sent(first, 0), sent({ ...second, id: first.id }, 1)))
    expect(calls.map(({ name }) => name)).toEqual(['search', 'open'])
    expect(calls[0]?.id).toBe(first.id)
    expect(calls[1]?.id).not.toBe(first.id)
  })

  it.each<[string, object, readonly object[]]>([
    ['', {}, [{}, {}]],
    [' in one list', {}, []],
    [' and the same index', { index: 0 }, [{ index: 0 }, { index: 0 }]],
  ])('that are whole are two with one id%s', async (_, __, apart) => {
    const calls = [
      ['search', '{"q":1}'],
      ['search', '{"q":2}'],
      ['open', '{"q":2}'],
    ].map(([name, text]) => ({ id: 'c', function: { name, arguments: text } }))
    const reply =
      apart.length === 0
        ? events(chunk({ tool_calls: calls }), chunk({}, 'stop'), '[DONE]')
        : stream(...calls.map((call) => ({ ...call, ...apart[0] })))
    const answer = await heard(reply)
    expect(answer.calls.map(({ name, text }) => [name, text])).toEqual(
      calls.map(({ function: { name, arguments: text } }) => [name, text]),
    )
    expect(new Set(answer.calls.map(({ id }) => id)).size).toBe(3)
  })

  it('with a new id in every part are one', async () => {
    const { calls } = await heard(
      stream(
        { index: 0, id: 'r1', function: { name: 'search', arguments: '{"q"' } },
        { index: 0, id: 'r2', function: { name: 'search', arguments: ':"geese"}' } },
      ),
    )
    expect(calls).toEqual([{ ...first, id: 'r1' }])
  })

  it('with new ids are two where one cannot continue the other', async () => {
    const { calls } = await heard(
      stream(
        { id: 'r1', function: { name: 'search', arguments: '{' } },
        { id: 'r2', function: { name: 'search', arguments: '{}' } },
        { id: 'r1', function: { arguments: '"q":"geese"}' } },
      ),
    )
    expect(calls).toEqual([
      { ...first, id: 'r1' },
      { ...first, id: 'r2', text: '{}' },
    ])
  })

  it('with a new id in every part are one where a text or an object goes on', async () => {
    for (const parts of [
      ['{"q":"a {', '{}"}'],
      ['{"q":', '{}', '}'],
    ]) {
      const { calls } = await heard(
        stream(
          ...parts.map((part, at) => ({
            index: 0,
            id: `r${at}`,
            function: { name: 'search', arguments: part },
          })),
        ),
      )
      expect(calls).toEqual([{ ...first, id: 'r0', text: parts.join('') }])
    }
  })

  it('as function_call, their older form, are read', async () => {
    const reply = events(
      chunk({ function_call: { name: 'search', arguments: '{"q":' } }),
      chunk({ function_call: { arguments: '"geese"}' } }, 'function_call'),
      '[DONE]',
    )
    const answer = await heard(reply)
    expect(answer.calls).toMatchObject([{ name: 'search', text: '{"q":"geese"}' }])
    expect(answer.finishes).toEqual(['tool_calls'])
  })

  it.each<[string, object]>([
    ['arguments of a call that never began', { index: 3, function: { arguments: '{}' } }],
    ['a name that is a number', { index: 0, function: { name: 7 } }],
    ['arguments that are a list', { index: 0, function: { name: 'search', arguments: [1] } }],
    ['an index that is text', { index: 'first', function: { name: 'search' } }],
    ['a type that was not asked for', { index: 0, type: 'custom', custom: { name: 'search' } }],
    ['a call that never gets a name', { index: 0, id: 'c1', function: { arguments: '{}' } }],
  ])('with %s fail loudly', async (_, call) => {
    expect(await failed(stream(call))).toMatchObject({ code: 'engine_failed' })
  })

  it('are the same however an engine cuts, orders, numbers and repeats them', async () => {
    const value = fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 1 }), {
      maxKeys: 3,
    })
    const call = fc.record({
      name: fc.constantFrom('search', 'open'),
      text: value.map((one) => JSON.stringify(one)),
      cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
    })
    const habit = fc.record({
      index: fc.constantFrom('right', 'from 1', 'absent'),
      repeats: fc.boolean(),
      retyped: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { minLength: 1, maxLength: 4 }),
        habit,
        fc.infiniteStream(fc.nat()),
        async (calls, { index, repeats, retyped }, order) => {
          const queues = calls.map(({ name, text, cuts }, at) => {
            const id = `call-${at}`
            const places = [...new Set(cuts.map((cut) => Math.floor(cut * text.length)))].sort(
              (a, b) => a - b,
            )
            const pieces = retyped
              ? [JSON.parse(text) as object]
              : [0, ...places].map((from, piece) => text.slice(from, places[piece]))
            return pieces.map((piece, place) => ({
              ...(index !== 'absent' && { index: index === 'from 1' ? at + 1 : at }),
              // A part needs some reference to its call.
              ...((place === 0 || repeats || index === 'absent') && { id }),
              function: { ...((place === 0 || repeats) && { name }), arguments: piece },
            }))
          })
          // Without an index, two calls of one name look like one whose parts have ids of their own.
          const isClear =
            index !== 'absent' || new Set(calls.map(({ name }) => name)).size === calls.length
          // Calls begin in order; their parts are mixed.
          const mixed: object[] = isClear
            ? queues.map((queue) => queue.shift() as object)
            : queues.flatMap((queue) => queue.splice(0))
          for (let rest = queues.flat().length; rest > 0; rest--) {
            const open = queues.filter((queue) => queue.length > 0)
            mixed.push(open[(order.next().value as number) % open.length]?.shift() as object)
          }
          const answer = await heard(stream(...mixed))
          expect(answer.calls).toEqual(
            calls.map(({ name, text }, at) => ({ id: `call-${at}`, name, text })),
          )
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe('the end of an answer', () => {
  it.each<[string, string]>([
    ['stop', 'stop'],
    ['eos_token', 'stop'],
    ['end_turn', 'stop'],
    ['STOP', 'stop'],
    ['length', 'length'],
    ['MAX_TOKENS', 'length'],
    ['model_length', 'length'],
    ['content_filter', 'content_filter'],
    ['SAFETY', 'content_filter'],
  ])('by %s is %s', async (reason, finish) => {
    const { finishes } = await heard(events(chunk({ content: 'a' }, reason), '[DONE]'))
    expect(finishes).toEqual([finish])
  })

  it('is not yet there while a reason is the word null', async () => {
    const parts = [chunk({ content: 'a' }, 'null'), chunk({ content: 'b' }, 'stop'), '[DONE]']
    expect(await heard(events(...parts))).toMatchObject({ text: 'ab', finishes: ['stop'] })
  })

  it.each<[string, unknown]>([
    ['a reason that no maker documents', 'because'],
    ['a number', 1],
    ['an error', 'error'],
  ])('by %s fails', async (_, reason) => {
    const reply = events(chunk({ content: 'a' }, reason as string), '[DONE]')
    expect(await failed(reply)).toMatchObject({ code: 'engine_failed' })
  })

  it.each(['stop_reason', 'matched_stop', 'stopping_word'])('reports the %s', async (field) => {
    const reply = events(chunk({ content: 'a' }, 'stop', { [field]: '###' }), '[DONE]')
    expect(await heard(reply)).toMatchObject({ stopReason: '###' })
  })

  it('sent twice is reported once', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 1 }
    const last = JSON.stringify({
      choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      usage,
    })
    const answer = await heard(events(chunk({ content: 'a' }, 'stop'), last, '[DONE]'))
    expect(answer).toMatchObject({ text: 'a', finishes: ['stop'], usage: { promptTokens: 3 } })
  })

  it('is read without the blank line after the last event', async () => {
    const reply = new Response(`data: ${chunk({ content: 'a' })}\n\ndata: ${chunk({}, 'stop')}`)
    expect(await heard(reply)).toMatchObject({ text: 'a', finishes: ['stop'] })
  })

  it.each<[string, object]>([
    ['a name', { index: 0, id: 'c', function: { arguments: '' } }],
    ['all of its name', { index: 0, id: 'c', function: { name: 'sea', arguments: '' } }],
    ['a function', { index: 0, id: 'c', type: 'function' }],
  ])('at max_tokens before a call has %s is `length`, without the call', async (_, cut) => {
    const whole = { index: 0, id: 'w', function: { name: 'open', arguments: '{}' } }
    for (const before of [[], [whole]]) {
      const parts = [...before, { ...cut, index: before.length }]
      const answer = await heard(
        events(
          chunk({ content: 'Let me ' }),
          ...parts.map((part) => chunk({ tool_calls: [part] })),
          chunk({}, 'length'),
          '[DONE]',
        ),
      )
      expect(answer).toMatchObject({ text: 'Let me ', finishes: ['length'] })
      expect(answer.calls.map(({ name }) => name)).toEqual(before.map(() => 'open'))
    }
  })

  it('at max_tokens inside a call is `length`, with the partial call', async () => {
    const cut = { index: 0, id: 'c', function: { name: 'search', arguments: '{"q": "gee' } }
    const answer = await heard(events(chunk({ tool_calls: [cut] }), chunk({}, 'length'), '[DONE]'))
    expect(answer).toMatchObject({ finishes: ['length'], calls: [{ text: '{"q": "gee' }] })
  })
})

describe('usage', () => {
  it.each<[string, object, object]>([
    [
      'OpenAI’s',
      {
        prompt_tokens: 9,
        completion_tokens: 4,
        prompt_tokens_details: { cached_tokens: 8 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
      { promptTokens: 9, completionTokens: 4, cachedPromptTokens: 8, reasoningTokens: 3 },
    ],
    [
      'DeepSeek’s',
      { prompt_tokens: 9, completion_tokens: 4, prompt_cache_hit_tokens: 8 },
      { promptTokens: 9, completionTokens: 4, cachedPromptTokens: 8 },
    ],
    [
      'in text',
      { prompt_tokens: '9', completion_tokens: '4', cached_tokens: '8' },
      { promptTokens: 9, completionTokens: 4, cachedPromptTokens: 8 },
    ],
    [
      'with nulls',
      { prompt_tokens: 9, completion_tokens: null, prompt_tokens_details: null },
      { promptTokens: 9, completionTokens: 0, cachedPromptTokens: 0 },
    ],
  ])('%s is read', async (_, usage, expected) => {
    const last = JSON.stringify({ choices: [], usage })
    const answer = await heard(events(chunk({ content: 'a' }, 'stop'), last, '[DONE]'))
    expect(answer.usage).toEqual(expected)
  })

  it.each([
    { prompt_tokens: 'nine' },
    { prompt_tokens: -1 },
    [9],
    'nine',
    { completion_tokens: 1.5 },
  ])('as %j fails', async (usage) => {
    const last = JSON.stringify({ choices: [], usage })
    const error = await failed(events(chunk({ content: 'a' }, 'stop'), last, '[DONE]'))
    expect(error).toMatchObject({ code: 'engine_failed' })
    expect(error.message).toContain('usage')
  })
})

describe('a failure with status 200', () => {
  const quota = { message: 'You are out of credits', type: 'insufficient_quota', code: '429' }
  const named = { message: 'Slow down', type: 'rate_limit_error' }
  it.each<[string, Reply, string, string]>([
    ['an object', json({ error: quota }), 'over_capacity', 'out of credits'],
    ['an object whose code is a name', json({ error: named }), 'over_capacity', 'Slow down'],
    ['a list of one', json([{ error: { ...quota, code: 429 } }]), 'over_capacity', 'credits'],
    ['a text', json({ error: 'the model melted' }), 'engine_failed', 'melted'],
    ['FastAPI’s detail', json({ detail: 'the model melted' }), 'engine_failed', 'melted'],
    ['a list of errors', json({ errors: [{ message: 'it melted' }] }), 'engine_failed', 'melted'],
    ['a bare msg', json({ status: 'error', msg: 'it melted' }), 'engine_failed', 'melted'],
    [
      'MiniMax’s status',
      json({ choices: null, base_resp: { status_code: 1008, status_msg: 'it melted' } }),
      ...(['engine_failed', 'melted'] as const),
    ],
    ['plain text', new Response('it melted', { status: 500 }), 'engine_failed', 'melted'],
    [
      'an error event',
      new Response(`event: error\ndata: ${JSON.stringify({ error: quota })}\n\n`),
      'over_capacity',
      'credits',
    ],
    [
      'an error event without an error',
      new Response(`event: error\ndata: ${JSON.stringify(quota)}\n\n`),
      'over_capacity',
      'credits',
    ],
    [
      'an error event in words',
      new Response('event: error\ndata: it melted\n\n'),
      'engine_failed',
      'melted',
    ],
    [
      'vLLM’s older form',
      events(
        '{"object":"error","message":"This model\'s maximum context length is 100 tokens","code":400}',
        '[DONE]',
      ),
      'context_too_long',
      'maximum context length',
    ],
    [
      'a pretty-printed object',
      new Response(JSON.stringify({ error: { message: 'no key', code: 401 } }, null, 2)),
      'engine_failed',
      'credentials',
    ],
    [
      'plain text with status 200',
      new Response('upstream melted: try later\nor never'),
      'engine_failed',
      'reports: upstream melted',
    ],
    [
      'an error in the choice',
      events(
        JSON.stringify({
          choices: [{ index: 0, finish_reason: 'error', delta: {}, error: named }],
        }),
      ),
      'over_capacity',
      'Slow down',
    ],
    ['a web page', new Response('<!doctype html><p>Sign in'), 'engine_failed', 'web page'],
  ])('as %s is told in the engine’s words, under its code', async (_, reply, code, words) => {
    const error = await failed(reply)
    expect(error.code).toBe(code)
    expect(error.message).toContain(words)
  })

  it('is read from a whole answer in place of a stream', async () => {
    const message = { role: 'assistant', content: 'seven geese' }
    const usage = { prompt_tokens: 3, completion_tokens: 2 }
    const answer = await heard(
      json({ choices: [{ index: 0, message, finish_reason: 'stop' }], usage }),
    )
    expect(answer).toMatchObject({ text: 'seven geese', finishes: ['stop'] })
    expect(answer.usage).toMatchObject({ promptTokens: 3, completionTokens: 2 })
  })

  it('is no failure where each record of an answer is a line', async () => {
    const records = [chunk({ content: 'seven ' }), chunk({ content: 'geese' }, 'stop')]
    const answer = await heard(new Response(records.join('\n')))
    expect(answer).toMatchObject({ text: 'seven geese', finishes: ['stop'] })
  })

  it('fails if more answers arrive than were requested', async () => {
    const two = [0, 1].map((index) => ({ index, delta: { content: 'a' }, finish_reason: 'stop' }))
    expect(await failed(events(JSON.stringify({ choices: two })))).toMatchObject({
      code: 'engine_failed',
    })
  })
})

describe('embeddings', () => {
  const embedded = async (body: unknown, input: unknown = ['a', 'b', 'c']) => {
    const { fetch, bodyOf } = fakeFetch({ '/v1/embeddings': json(body) })
    const backend = createOpenAiBackend({ baseUrl: 'http://cloud/v1', fetch, assumed: true })
    const { events: all } = await collect(
      backend.infer(parseRequest('embedding', { model: 'm', input })),
    )
    const vectors = all.flatMap((event) =>
      event.type === 'chunk' && 'embedding' in event.json ? [event.json.embedding] : [],
    )
    return { vectors, sent: bodyOf('/v1/embeddings') }
  }
  const item = (index: number | null, ...embedding: number[]) => ({ index, embedding })
  const packed = (...numbers: number[]) =>
    Buffer.from(new Float32Array(numbers).buffer).toString('base64')

  it.each<[string, unknown[]]>([
    ['in order', [item(0, 1), item(1, 2), item(2, 3)]],
    ['in another order', [item(2, 3), item(0, 1), item(1, 2)]],
    [
      'numbered in text',
      [item(2, 3), item(0, 1), item(1, 2)].map((one) => ({ ...one, index: `${one.index}` })),
    ],
    ['without index', [{ embedding: [1] }, { embedding: [2] }, { embedding: [3] }]],
    ['packed', [1, 2, 3].map((one, index) => ({ index, embedding: packed(one) }))],
    ['as rows of one', [1, 2, 3].map((one, index) => ({ index, embedding: [[one]] }))],
  ])('%s belong to their inputs', async (_, data) => {
    expect((await embedded({ data })).vectors).toEqual([[1], [2], [3]])
  })

  it.each<[string, unknown]>([
    ['missing', [item(0, 1), item(1, 2)]],
    ['twice', [item(0, 1), item(1, 2), item(1, 3)]],
    ['beyond the inputs', [item(0, 1), item(1, 2), item(3, 3)]],
    ['only at some', [item(0, 1), item(null, 2), item(2, 3)]],
    ['of other lengths', [item(0, 1), item(1, 2, 2), item(2, 3)]],
    ['of text', [item(0, 1), item(1, 2), { index: 2, embedding: 'three' }]],
    ['of nothing', [item(0, 1), item(1, 2), item(2)]],
    ['no list', { 0: item(0, 1) }],
  ])('that are %s fail', async (_, data) => {
    const { fetch } = fakeFetch({ '/v1/embeddings': json({ data }) })
    const backend = createOpenAiBackend({ baseUrl: 'http://cloud/v1', fetch, assumed: true })
    const request = parseRequest('embedding', { model: 'm', input: ['a', 'b', 'c'] })
    const { error } = await failureOf(backend.infer(request))
    expect(error).toBeInstanceOf(WrongShape)
  })

  it('with a count that is no number fail before a vector is shown', async () => {
    const data = [item(0, 1), item(1, 2), item(2, 3)]
    const { fetch } = fakeFetch({ '/v1/embeddings': json({ data, usage: { prompt_tokens: -1 } }) })
    const backend = createOpenAiBackend({ baseUrl: 'http://cloud/v1', fetch, assumed: true })
    const request = parseRequest('embedding', { model: 'm', input: ['a', 'b', 'c'] })
    const { error, events: shown } = await failureOf(backend.infer(request))
    expect(error).toBeInstanceOf(WrongShape)
    expect(shown).toEqual([])
  })

  it.each<[string, unknown, number]>([
    ['one list', [5, 6, 7], 1],
    ['several lists', [[5, 6], [7]], 2],
  ])('of token ids are asked for as %s', async (_, input, count) => {
    const data = Array.from({ length: count }, (__, index) => item(index, index))
    const { vectors, sent } = await embedded({ data }, input)
    expect(vectors).toHaveLength(count)
    expect(sent).toMatchObject({ input })
  })

  it.each<[string, object, number, object]>([
    [
      'llama-server’s way, with status 500',
      {
        error: {
          message:
            'input (700 tokens) is too large to process. increase the physical batch size (current batch size: 512)',
          code: 500,
        },
      },
      500,
      { promptTokens: 700, contextLength: 512 },
    ],
    [
      'vLLM’s way',
      {
        error: {
          message:
            "This model's maximum context length is 512 tokens. However, you requested 700 tokens in the input for embedding generation.",
          code: 400,
        },
      },
      400,
      { promptTokens: 700, contextLength: 512 },
    ],
    [
      'TEI’s way',
      {
        error: 'Input validation error: `inputs` must have less than 512 tokens. Given: 700',
        error_type: 'validation',
      },
      413,
      { promptTokens: 700, contextLength: 512 },
    ],
  ])(
    'of a text that is too long, told in %s, are the request’s fault',
    async (_, body, status, details) => {
      const { fetch } = fakeFetch({ '/v1/embeddings': json(body, status) })
      const backend = createOpenAiBackend({ baseUrl: 'http://cloud/v1', fetch, assumed: true })
      const { error } = await failureOf(
        backend.infer(parseRequest('embedding', { model: 'm', input: 'a' })),
      )
      expect(error).toMatchObject({ code: 'context_too_long', details })
    },
  )
})

describe('Ollama’s lines', () => {
  const TAGS = {
    '/api/tags': () => json({ models: [{ name: 'm:latest', digest: 'a' }] }),
    '/api/ps': () => json({ models: [] }),
    '/api/show': () => json({ capabilities: ['completion', 'tools'] }),
  }
  const done = { message: { content: '' }, done: true, done_reason: 'stop', eval_count: 2 }
  const asked = (...records: readonly object[]) => {
    const { fetch } = fakeFetch({ ...TAGS, '/api/chat': lines(...records) })
    return createOllamaBackend({ fetch }).infer(chat({ tools: TOOLS }))
  }

  it('may have the arguments of a call as text', async () => {
    const call = { function: { name: 'search', arguments: '{"q":1}' } }
    const { events: all, finishes } = await collect(
      asked({ message: { tool_calls: [call] } }, done),
    )
    expect(JSON.stringify(all[0])).toContain('{\\"q\\":1}')
    expect(finishes).toEqual(['tool_calls'])
  })

  it.each<[string, object]>([
    ['content that is a list', { message: { content: ['a'] } }],
    ['a message that is text', { message: 'a' }],
    ['calls of a number', { message: { tool_calls: [7] } }],
    ['an end that is text', { ...done, done: 'yes' }],
    ['an unknown end', { ...done, done_reason: 'because' }],
    ['a count that is text', { ...done, eval_count: 'two' }],
  ])('with %s fail', async (_, record) => {
    const { error } = await failureOf(asked(record, done))
    expect(error).toMatchObject({ code: 'engine_failed' })
  })

  it('that end by length inside a call are a length', async () => {
    const call = { function: { name: 'search', arguments: {} } }
    const { finishes } = await collect(
      asked({ message: { tool_calls: [call] } }, { ...done, done_reason: 'length' }),
    )
    expect(finishes).toEqual(['length'])
  })
})
