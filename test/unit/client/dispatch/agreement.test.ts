import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ComparableAnswer } from '../../../../client/dispatch/agreement/comparable-answer.ts'
import { compareAnswers } from '../../../../client/dispatch/agreement/compare-answers.ts'
import { findAgreement } from '../../../../client/dispatch/agreement/find-agreement.ts'
import { isDeterministic } from '../../../../client/dispatch/agreement/is-deterministic.ts'
import type { AnswerRequest, ChatRequest } from '../../../../protocol/index.ts'

const chat = (fields: Partial<ChatRequest> = {}): AnswerRequest => ({
  kind: 'chat',
  body: { model: 'm', messages: [{ role: 'user', content: 'Hi' }], temperature: 0, ...fields },
})
const UNSET: AnswerRequest = {
  kind: 'chat',
  body: { model: 'm', messages: [{ role: 'user', content: 'Hi' }] },
}
const json = chat({ response_format: { type: 'json_object' } })

const answer = (fields: Partial<ComparableAnswer> = {}): ComparableAnswer => ({
  kind: 'chat',
  text: '',
  toolCalls: [],
  finishReason: 'stop',
  tokenIds: [],
  logprobs: [],
  embeddings: [],
  ...fields,
})
const text = (content: string) => answer({ text: content })
const call = (name: string, args: string) => answer({ toolCalls: [{ name, arguments: args }] })
const vectors = (...embeddings: number[][]) => answer({ kind: 'embedding', embeddings })

/** Compares in both orders, as the order of two answers is random. */
function compared(a: ComparableAnswer, b: ComparableAnswer, request = chat()): string {
  const result = compareAnswers(a, b, request)
  expect(compareAnswers(b, a, request)).toBe(result)
  return result
}

describe('isDeterministic', () => {
  it.each<[string, AnswerRequest, boolean]>([
    ['temperature 0', chat(), true],
    ['temperature 0 and one choice', chat({ n: 1 }), true],
    ['two choices', chat({ n: 2 }), false],
    ['a temperature that is not given', UNSET, false],
    ['temperature null', chat({ temperature: null }), false],
    ['temperature 0.1', chat({ temperature: 0.1 }), false],
    ['a seed', chat({ temperature: 1, seed: 0 }), true],
    ['seed null', chat({ temperature: 1, seed: null }), false],
    ['a seed and three choices', chat({ seed: 7, n: 3 }), false],
    [
      'a completion with a seed',
      { kind: 'completion', body: { model: 'm', prompt: '', seed: 1 } },
      true,
    ],
    ['a plain completion', { kind: 'completion', body: { model: 'm', prompt: '' } }, false],
    ['an embedding', { kind: 'embedding', body: { model: 'm', input: 'x' } }, true],
  ])('judges %s', (_, request, expected) => {
    expect(isDeterministic(request)).toBe(expected)
  })
})

describe('compareAnswers of texts', () => {
  it.each<[string, string, string]>([
    ['equal', 'Paris.', 'Paris.'],
    [
      'JSON with other order and space',
      '{"a":1,"b":[true,null]}',
      ' { "b": [true, null], "a": 1 }',
    ],
    ['JSON with numbers spelt otherwise', '[1, 100, -0.5, 0]', '[1.0,1e2,-5E-1,-0.0]'],
    ['JSON with strings spelt otherwise', '{"a":"é/"}', String.raw`{"a":"\u00e9\/"}`],
    ['a number with a full stop', '42', '42.'],
    ['a number with space', '42', ' 42 \n'],
    ['a number in bold', '**42**', '42'],
    ['a number spelt otherwise', '42.50', '+42.5'],
    ['a number with a typographic minus', '−3', '-3'],
    ['a number within the same words', 'The answer is: **42**', 'The answer is 42.'],
  ])('finds the same: %s', (_, a, b) => {
    expect(compared(text(a), text(b))).toBe('same')
  })

  it.each<[string, string, string]>([
    ['other words', 'Paris', 'Lyon'],
    ['one cut short', 'one two three', 'one two'],
    ['one that is empty', '', 'x'],
    ['other JSON', '{"a":1}', '{"a":2}'],
    ['JSON arrays in other order', '[1,2]', '[2,1]'],
    ['a number for a string', '{"a":1}', '{"a":"1"}'],
    ['long integers that a double cannot tell apart', '[9007199254740993]', '[9007199254740992]'],
    ['huge exponents', '[1e99999999999999999999]', '[1e99999999999999999998]'],
    ['a string in the form of a canonical number', '["1e0"]', '[1]'],
    ['broken JSON', '{"a":1', '{"a": 1'],
    ['strings, unless JSON was asked for', '"a"', ' "a"'],
    ['another number', '42', '43'],
    ['another sign', '-42', '42'],
    ['a decimal point before it', '.5', '5'],
    ['a unit', '42', '42%'],
    ['a factorial', '5!', '5'],
    ['a string within a code block', '```{"a":1}```', '```{"a":"1"}```'],
    ['a quoted number', '"42"', '42'],
    ['a currency', '$42', '42'],
    ['other words around a number', 'The answer is 42', 'Surely not 42'],
    ['two numbers', '4 2', '42'],
    ['two numbers and a full stop', '4 2.', '4 2'],
    ['a comma that may mean either', '1,000', '1000'],
    ['a version', '1.2.3', '1.23'],
    ['words run together around a number', 'can not 42', 'cannot 42'],
  ])('finds different: %s', (_, a, b) => {
    expect(compared(text(a), text(b))).toBe('different')
  })

  it('reads bare values as JSON if JSON was requested', () => {
    expect(compared(text('"a"'), text(' "a"\n'), json)).toBe('same')
    expect(compared(text('true'), text('false'), json)).toBe('different')
    expect(compared(text('4'), text('4.0 '), json)).toBe('same')
    expect(compared(text('4'), text('"4"'), json)).toBe('different')
    expect(compared(text('4'), text('4.'), json)).toBe('different')
    expect(compared(text('not JSON'), text(' not JSON'), json)).toBe('different')
  })

  it('treats JSON that is nested too deeply as text', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000)
    expect(compared(text(deep), text(` ${deep}`))).toBe('different')
    expect(compared(text(deep), text(deep))).toBe('same')
  })

  it('reads numbers of any length by their value, and no number out of a long text', () => {
    const zeros = '0'.repeat(500_000)
    expect(compared(text(`[1${zeros}1]`), text('[1]'))).toBe('different')
    expect(compared(text(`[1${zeros}]`), text('[1e500000]'))).toBe('same')
    expect(compared(text(`${' '.repeat(1_000)}42`), text('42'))).toBe('different')
  })

  it('distinguishes an answer that a filter cut from a complete one with the same text', () => {
    const cut = answer({ text: 'same', finishReason: 'content_filter' })
    expect(compared(cut, text('same'))).toBe('different')
    expect(compared(cut, cut)).toBe('same')
    expect(compared(answer({ text: 'same', finishReason: 'length' }), text('same'))).toBe('same')
  })

  it('finds any JSON the same as itself, pretty-printed and with its keys reversed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const wrapped = { first: value, second: [value] }
        const other = { second: [value], first: value }
        const result = compared(
          text(JSON.stringify(wrapped)),
          text(JSON.stringify(other, undefined, 2)),
        )
        expect(result).toBe('same')
      }),
    )
  })

  it('finds two integers the same exactly if they are equal', () => {
    const integer = fc.oneof(fc.bigInt({ min: -200n, max: 200n }), fc.bigInt())
    fc.assert(
      fc.property(integer, integer, (a, b) => {
        const result = compared(text(`${a}.`), text(` ${b}.00`))
        expect(result).toBe(a === b ? 'same' : 'different')
      }),
    )
  })
})

describe('compareAnswers of tool calls', () => {
  it('compares arguments as JSON', () => {
    expect(compared(call('f', '{"a":1,"b":2}'), call('f', '{ "b": 2, "a": 1.0 }'))).toBe('same')
    expect(compared(call('f', '{"a":1}'), call('f', '{"a":2}'))).toBe('different')
    expect(compared(call('f', ''), call('f', ''))).toBe('same')
    expect(compared(call('f', '{"a"'), call('f', '{"a" '))).toBe('different')
  })

  it('compares names, number and order', () => {
    const [f, g] = [
      { name: 'f', arguments: '{}' },
      { name: 'g', arguments: '{}' },
    ]
    const both = answer({ toolCalls: [f, g] })
    expect(compared(call('f', '{}'), call('g', '{}'))).toBe('different')
    expect(compared(both, answer({ toolCalls: [g, f] }))).toBe('different')
    expect(compared(both, answer({ toolCalls: [f] }))).toBe('different')
    expect(compared(both, answer({ toolCalls: [f, g] }))).toBe('same')
  })

  it('does not treat a tool call as a text answer', () => {
    expect(compared(call('f', '{}'), text(''))).toBe('different')
  })
})

describe('compareAnswers at the first different token', () => {
  const tokens = (
    content: string,
    tokenIds: number[],
    margins?: (number | undefined)[],
    logprobs: number[] = [],
  ) =>
    answer({
      text: content,
      tokenIds,
      logprobs,
      ...(margins === undefined ? {} : { margins }),
    })
  const LIMIT = Math.log(Math.exp(0.5) / (1 + Math.exp(0.5)))

  it.each<[string, ComparableAnswer, ComparableAnswer, string]>([
    [
      'both nearly tied',
      tokens('a b', [1, 2, 9], [4, 0.5, 8]),
      tokens('a c', [1, 3, 7], [4, 0.1, 8]),
      'tolerated',
    ],
    [
      'one sure, the other tied',
      tokens('a b', [1, 2], [4, 2.1]),
      tokens('a c', [1, 3], [4, 0.1]),
      'different',
    ],
    [
      'one a little above the bound',
      tokens('a b', [1, 2], [4, 0.51]),
      tokens('a c', [1, 3], [4, 0.1]),
      'different',
    ],
    [
      'tied only after they diverged',
      tokens('a b', [1, 2, 4], [4, 3, 0]),
      tokens('a c', [1, 3, 5], [4, 3, 0]),
      'different',
    ],
    [
      'tied only before they diverge',
      tokens('a b', [1, 2], [0, 3]),
      tokens('a c', [1, 3], [0, 3]),
      'different',
    ],
    ['no margins', tokens('a b', [1, 2]), tokens('a c', [1, 3]), 'different'],
    ['a margin at one only', tokens('a b', [1, 2], [4, 0.1]), tokens('a c', [1, 3]), 'different'],
    [
      'a margin that is not a number',
      tokens('a b', [1, 2], [4, Number.NaN]),
      tokens('a c', [1, 3], [4, 0.1]),
      'different',
    ],
    [
      'one that ends where the other continues',
      tokens('a', [1], [0]),
      tokens('a c', [1, 3], [0, 0]),
      'different',
    ],
    [
      'equal tokens with another text',
      tokens('a', [1, 2], [0, 0]),
      tokens('b', [1, 2], [0, 0]),
      'different',
    ],
    ['token ids at one only', tokens('a b', [1, 2], [0, 0]), tokens('a c', []), 'different'],
    [
      'margins that are not one for each token',
      tokens('a b', [1, 2], [0, 0, 0]),
      tokens('a c', [1, 3], [0, 0]),
      'different',
    ],
    [
      'chosen tokens that leave room for a tie',
      tokens('a b', [1, 2], undefined, [-0.01, LIMIT - 1e-9]),
      tokens('a c', [1, 3], undefined, [-0.01, -0.7]),
      'tolerated',
    ],
    [
      'a chosen token too likely for a tie',
      tokens('a b', [1, 2], undefined, [-0.01, LIMIT + 1e-6]),
      tokens('a c', [1, 3], undefined, [-0.01, -0.7]),
      'different',
    ],
    [
      'a margin at one, the chosen tokens at the other',
      tokens('a b', [1, 2], [undefined, 0.2], [-0.01, -0.6]),
      tokens('a c', [1, 3], undefined, [-0.01, -0.7]),
      'tolerated',
    ],
    [
      'a margin that says more than the chosen token',
      tokens('a b', [1, 2], [4, 1], [-0.01, -2]),
      tokens('a c', [1, 3], undefined, [-0.01, -0.7]),
      'different',
    ],
    [
      'logprobs that are not one for each token',
      tokens('a b', [1, 2], undefined, [-0.7]),
      tokens('a c', [1, 3], undefined, [-0.7, -0.7]),
      'different',
    ],
  ])('judges %s', (_, a, b, expected) => {
    expect(compared(a, b)).toBe(expected)
  })

  it('places its bound for chosen tokens where a tie of 0.5 nats between two tokens lies', () => {
    const likelier = Math.exp(LIMIT)
    expect(likelier).toBeCloseTo(0.6225, 4)
    expect(Math.log(likelier) - Math.log(1 - likelier)).toBeCloseTo(0.5, 12)
  })

  it('prefers equal texts to other token ids', () => {
    expect(compared(tokens('ab', [1, 2], [9, 9]), tokens('ab', [3], [9]))).toBe('same')
  })
})

describe('compareAnswers of embeddings', () => {
  /** A unit vector with the given cosine to [1, 0]. */
  const at = (cosine: number) => [cosine, Math.sqrt(1 - cosine * cosine)]

  it.each<[number, string]>([
    [1, 'same'],
    [0.9991, 'same'],
    [0.9989, 'tolerated'],
    [0.9901, 'tolerated'],
    [0.9899, 'different'],
    [-1, 'different'],
  ])('judges a cosine of %f', (cosine, expected) => {
    expect(compared(vectors([1, 0]), vectors(at(cosine)))).toBe(expected)
  })

  it('judges by the least similar pair', () => {
    expect(compared(vectors([1, 0], [1, 0]), vectors([1, 0], at(0.995)))).toBe('tolerated')
    expect(compared(vectors([1, 0], [1, 0]), vectors(at(0.5), [1, 0]))).toBe('different')
  })

  it('ignores the magnitude', () => {
    expect(compared(vectors([3, 4]), vectors([0.6, 0.8]))).toBe('same')
  })

  it('distinguishes other dimensions, another number of vectors, and vectors without a direction', () => {
    expect(compared(vectors([1, 0]), vectors([1, 0, 0]))).toBe('different')
    expect(compared(vectors([1, 0]), vectors([1, 0], [1, 0]))).toBe('different')
    expect(compared(vectors([1, 0]), vectors([0, 0]))).toBe('different')
    expect(compared(vectors([Number.NaN, 0]), vectors([1, 0]))).toBe('different')
    expect(compared(vectors([1e200, 0]), vectors([1e200, 0]))).toBe('different')
    expect(compared(vectors([0, 0]), vectors([0, 0]))).toBe('same')
  })

  it('does not treat an embedding as a text', () => {
    expect(compared(vectors([1]), text(''))).toBe('different')
  })
})

describe('findAgreement', () => {
  const tied = (id: number, content: string) =>
    answer({ text: content, tokenIds: [id], margins: [0.1] })

  it('finds nothing without answers, or if too few agree', () => {
    expect(findAgreement([], 2, chat())).toBeUndefined()
    expect(findAgreement([text('a')], 2, chat())).toBeUndefined()
    expect(findAgreement([text('a'), text('b')], 2, chat())).toBeUndefined()
    expect(findAgreement([text('a'), text('a'), text('b')], 3, chat())).toBeUndefined()
  })

  it('delivers the first of the answers with the most agreement', () => {
    expect(findAgreement([text('lie'), text('a'), text('a')], 2, chat())).toEqual({
      winner: 1,
      agreeing: 2,
      tolerated: false,
    })
    const five = ['x', 'x', 'y', 'y', 'y'].map(text)
    expect(findAgreement(five, 2, chat())).toEqual({ winner: 2, agreeing: 3, tolerated: false })
  })

  it('reports a tolerated near tie', () => {
    const found = findAgreement([tied(1, 'a'), tied(2, 'b')], 2, chat())
    expect(found).toEqual({ winner: 0, agreeing: 2, tolerated: true })
  })

  it('prefers same to tolerated at equal counts', () => {
    const answers = [tied(1, 'a'), tied(2, 'b'), text('c'), text('c')]
    expect(findAgreement(answers, 2, chat())).toEqual({ winner: 2, agreeing: 2, tolerated: false })
    const three = [tied(1, 'a'), tied(2, 'b'), tied(2, 'b')]
    expect(findAgreement(three, 2, chat())).toEqual({ winner: 1, agreeing: 3, tolerated: true })
  })

  it('counts only direct agreement with the winner', () => {
    // b diverges from a and from c at a near tie; a and c diverge where both are sure.
    const a = answer({ text: 'a', tokenIds: [1, 1, 1], margins: [9, 9, 0.1] })
    const b = answer({ text: 'b', tokenIds: [1, 1, 2], margins: [9, 0.1, 0.1] })
    const c = answer({ text: 'c', tokenIds: [1, 2, 2], margins: [9, 0.1, 9] })
    expect(compared(a, b)).toBe('tolerated')
    expect(compared(b, c)).toBe('tolerated')
    expect(compared(a, c)).toBe('different')
    expect(findAgreement([a, b, c], 3, chat())).toEqual({
      winner: 1,
      agreeing: 3,
      tolerated: true,
    })
    expect(findAgreement([a, c], 2, chat())).toBeUndefined()
  })

  it('never delivers the answer of a dishonest minority, even if it colludes', () => {
    const ballots = fc.array(fc.constantFrom('truth', 'lie 1', 'lie 2'), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(ballots, fc.integer({ min: 2, max: 8 }), (votes, agree) => {
        const found = findAgreement(votes.map(text), agree, chat())
        const counts = votes.map((vote) => votes.filter((other) => other === vote).length)
        const most = Math.max(...counts)
        expect(found?.agreeing).toBe(most >= agree ? most : undefined)
        if (found !== undefined) expect(counts[found.winner]).toBe(most)
      }),
    )
  })
})
