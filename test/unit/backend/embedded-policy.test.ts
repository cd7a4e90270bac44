import { describe, expect, it } from 'vitest'
import {
  chooseSequence,
  type SequenceState,
  sharedPrefix,
} from '../../../backend/embedded/choose-sequence.ts'
import { closedJson } from '../../../backend/embedded/closed-json.ts'
import { EventQueue } from '../../../backend/embedded/event-queue.ts'
import { resolveInit } from '../../../backend/embedded/init.ts'
import { grammarSchema } from '../../../backend/embedded/json-schema.ts'
import { RestartBackoff } from '../../../backend/embedded/restart-backoff.ts'
import { samplingOf, seedAt } from '../../../backend/embedded/sampling.ts'

const PROMPT = [1, 2, 3, 4, 5, 6, 7, 8]
const sequence = (state: Partial<SequenceState> = {}): SequenceState => ({
  busy: false,
  group: undefined,
  tokens: [],
  lastUse: 0,
  ...state,
})

describe('chooseSequence', () => {
  const warm = sequence({ group: 'a', tokens: [1, 2, 3, 4, 9], lastUse: 3 })
  it.each<
    [string, SequenceState[], string | undefined, { index: number; warm: boolean } | undefined]
  >([
    ['nothing when all are busy', [sequence({ busy: true })], 'a', undefined],
    [
      'the longest prefix of the group',
      [sequence({ group: 'a', tokens: [1, 2, 3] }), warm],
      'a',
      { index: 1, warm: true },
    ],
    ['an empty one for another group', [warm, sequence()], 'b', { index: 1, warm: false }],
    [
      'the one unused for longest when none is empty',
      [warm, sequence({ group: 'c', tokens: [1, 2, 3, 4, 5], lastUse: 1 })],
      'b',
      { index: 1, warm: false },
    ],
    [
      'never a warm one without a group',
      [sequence({ tokens: PROMPT }), sequence()],
      undefined,
      { index: 1, warm: false },
    ],
    [
      'an empty one where hardly anything is shared',
      [sequence({ group: 'a', tokens: [1, 9, 9, 9, 9] }), sequence()],
      'a',
      { index: 1, warm: false },
    ],
    [
      'the little that is shared where nothing is empty',
      [sequence({ group: 'a', tokens: [1, 9, 9, 9, 9] })],
      'a',
      { index: 0, warm: true },
    ],
    [
      'the one unused for longest, not one that holds another conversation of the group',
      [sequence({ group: 'a', tokens: [1, 2, 9, 9, 9, 9], lastUse: 2 }), sequence({ tokens: [7] })],
      'a',
      { index: 1, warm: false },
    ],
    [
      'an idle one, not a busy one that fits better',
      [sequence({ ...warm, busy: true }), sequence()],
      'a',
      { index: 1, warm: false },
    ],
  ])('takes %s', (_, sequences, group, expected) => {
    expect(chooseSequence(sequences, PROMPT, group)).toEqual(expected)
  })

  it('counts shared tokens from the front', () => {
    expect(sharedPrefix([1, 2, 3], [1, 2, 4, 3])).toBe(2)
    expect(sharedPrefix([], [1])).toBe(0)
  })
})

describe('seedAt', () => {
  it('depends on the seed, all of it, and on the place', () => {
    const seeds = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]
    const drawn = seeds.flatMap((seed) => [0, 1, 2, 500].map((place) => seedAt(seed, place)))
    expect(new Set(drawn).size).toBe(drawn.length)
    expect(drawn.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32)).toBe(
      true,
    )
    expect(seedAt(7, 3)).toBe(seedAt(7, 3))
  })
})

describe('samplingOf', () => {
  it('treats null as absent, and zero as a value', () => {
    expect(samplingOf({ temperature: 0, top_k: 0, seed: 0, top_p: null }, 5)).toMatchObject({
      temperature: 0,
      topK: 0,
      seed: 0,
      topP: 0.95,
    })
    expect(samplingOf({}, 5)).toMatchObject({ temperature: 0.8, seed: 5, repeatPenalty: 1 })
    expect(samplingOf({ logit_bias: { 12: -100 } }, 5).logitBias).toEqual(new Map([[12, -100]]))
  })
})

describe('grammarSchema', () => {
  const format = (schema: Record<string, unknown>) =>
    ({ type: 'json_schema', json_schema: { name: 'x', schema } }) as const

  it('inlines references and turns anyOf into alternatives', () => {
    const schema = {
      type: 'object',
      properties: {
        a: { $ref: '#/$defs/size' },
        b: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      },
      required: ['a'],
      $defs: { size: { enum: ['s', 'm'] } },
    }
    expect(grammarSchema(format(schema))).toEqual({
      type: 'object',
      properties: { a: { enum: ['s', 'm'] }, b: { oneOf: [{ type: 'string' }, { type: 'null' }] } },
      additionalProperties: false,
    })
  })

  it('has no schema for free text', () => {
    expect(grammarSchema(undefined)).toBeUndefined()
    expect(grammarSchema({ type: 'text' })).toBeUndefined()
    expect(grammarSchema({ type: 'json_object' })).toMatchObject({ type: 'object' })
  })

  it.each([
    { type: 'string', pattern: '^a+$' },
    { type: 'integer', minimum: 3 },
    { type: 'object', properties: { a: { not: { type: 'null' } } } },
    { type: 'string', maxLength: 1_000_000_000 },
    { type: 'array', items: { type: 'null' }, minItems: 100_000 },
    { type: 'object', required: ['a'] },
    { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } },
    { $ref: '#/$defs/a', $defs: { a: { type: 'array', items: { $ref: '#/$defs/a' } } } },
    { $ref: 'https://schemas.example/a' },
    { type: 'string', format: 'email' },
    { description: 'anything' },
  ])('refuses %j, which a grammar cannot enforce', (schema) => {
    expect(() => grammarSchema(format(schema))).toThrow(
      expect.objectContaining({
        code: 'capability_unavailable',
        details: { param: 'response_format' },
      }),
    )
  })

  it('refuses references that multiply', () => {
    const doubled = (name: string) => ({
      type: 'array',
      prefixItems: [{ $ref: name }, { $ref: name }],
    })
    const $defs = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [`d${index}`, doubled(`#/$defs/d${index + 1}`)]),
    )
    const schema = { $ref: '#/$defs/d0', $defs: { ...$defs, d12: { type: 'null' } } }
    expect(() => grammarSchema(format(schema))).toThrow(/more than/)
  })
})

describe('closedJson', () => {
  it.each<[string, string | undefined]>([
    ['{"a": {"b": 1}', undefined],
    ['{"a": {"b": 1}}', '{"a": {"b": 1}}'],
    ['{"a": "}', undefined],
    ['[1, [2]', undefined],
    ['[1, [2]]\n\n', '[1, [2]]'],
    ['"a \\"', undefined],
    ['"a \\""', '"a \\""'],
    ['12', undefined],
    ['12\n', '12'],
    ['tru', undefined],
    ['true', 'true'],
    ['', undefined],
  ])('%j → %j', (text, expected) => {
    expect(closedJson(text)).toBe(expected)
  })
})

describe('RestartBackoff', () => {
  it('doubles up to half a minute, and resets after a minute of uptime', () => {
    const backoff = new RestartBackoff()
    const waits = Array.from({ length: 10 }, () => backoff.next(0))
    expect(waits.slice(0, 4)).toEqual([200, 400, 800, 1600])
    expect(waits.at(-1)).toBe(30_000)
    expect(backoff.next(59_999)).toBe(30_000)
    expect(backoff.next(60_000)).toBe(200)
  })
})

describe('EventQueue', () => {
  it('delivers in order, whether the producer or the consumer is first', async () => {
    const queue = new EventQueue<number>()
    const first = queue.next()
    queue.push(1)
    queue.push(2)
    expect([await first, await queue.next()]).toEqual([1, 2])
  })

  it('ends at once with the reason, for waiting and later readers', async () => {
    const queue = new EventQueue<number>()
    const waiting = queue.next()
    queue.fail(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
    queue.push(1)
    await expect(queue.next()).rejects.toThrow('gone')
  })
})

describe('resolveInit', () => {
  it.each([
    ['/m/skein-tiny-q8_0.gguf', 'skein-tiny'],
    ['/m/SmolLM2-135M-Instruct.Q4_K_M.gguf', 'smollm2-135m-instruct'],
    ['/m/model-IQ2_XXS.GGUF', 'model'],
    ['/m/model-bf16.gguf', 'model'],
    ['/m/qwen2.5.gguf', 'qwen2.5'],
  ])('names %s %s', (modelPath, id) => {
    expect(resolveInit({ modelPath }).modelId).toBe(id)
  })
})
