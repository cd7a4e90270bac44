import { describe, expect, it } from 'vitest'
import type { AnswerEvent } from '../../../../../client/request/answer-event.ts'
import type { Candidate } from '../../../../../client/request/candidate.ts'
import { AnswerRecorder } from '../../../../../client/trust/audit/answer-recorder.ts'
import type { AnswerRequest, FinishReason } from '../../../../../protocol/index.ts'

const body = {
  model: 'm',
  temperature: 0,
  messages: [{ role: 'user', content: 'Count.' }],
} as const

function request(more: object = {}): AnswerRequest {
  return { kind: 'chat', body: { ...body, ...more } } as AnswerRequest
}

interface From {
  readonly key?: string
  readonly digest?: string
  readonly templateHash?: string
  readonly capabilities?: readonly string[]
}

function candidate({
  key = 'a',
  digest = 'sha256:aa',
  templateHash = 'a'.repeat(64),
  capabilities = ['token_ids'],
}: From): Candidate {
  return { key, model: { id: 'm', digest, templateHash, capabilities } } as unknown as Candidate
}

interface Piece extends From {
  readonly reasoning?: string
  readonly finish?: FinishReason
  readonly afterText?: boolean
}

function piece(text: string, tokenIds: readonly number[], more: Piece = {}): AnswerEvent {
  const { key = 'a', finish = null, reasoning, afterText = false } = more
  const delta = { content: text, ...(reasoning !== undefined && { reasoning_content: reasoning }) }
  const chunk = { kind: 'chat', choices: [{ index: 0, delta, finish_reason: finish }] } as const
  return { type: 'chunk', peerId: key, chunk, candidate: candidate(more), tokenIds, afterText }
}

/** What a provider of the caller's own sends, or the client itself. */
function foreign(text: string): AnswerEvent {
  const chunk = {
    kind: 'chat',
    choices: [{ index: 0, delta: { content: text }, finish_reason: null }],
  } as const
  return { type: 'chunk', peerId: '', chunk }
}

function heard(events: readonly AnswerEvent[], asked: AnswerRequest = request()): AnswerRecorder {
  const recorder = new AnswerRecorder(asked, undefined)
  for (const event of events) recorder.record(event)
  return recorder
}

const partsOf = (recorder: AnswerRecorder): readonly (readonly [string, number, number])[] =>
  (recorder.subject?.parts ?? []).map(({ candidate: { key }, from, to }) => [key, from, to])

describe('an answer of several peers', () => {
  it('has a part of each, with all text up to the end of the part', () => {
    const recorder = heard([
      piece('one ', [1]),
      piece('two ', [2]),
      piece('three', [3], { key: 'b', finish: 'stop' }),
    ])
    expect(recorder.subject?.tokenIds).toEqual([1, 2, 3])
    expect(recorder.subject?.parts).toMatchObject([
      { from: 0, to: 2, shown: { runs: [{ text: 'one two ' }], isComplete: false } },
      { from: 2, to: 3, shown: { runs: [{ text: 'one two three' }], isComplete: true } },
    ])
  })

  it('is rated up to a resume with other weights, another template or from text', () => {
    const begun = [piece('one ', [1]), piece('two ', [2])]
    const onward: readonly Piece[] = [
      { key: 'b', digest: 'sha256:bb' },
      { key: 'b', templateHash: 'b'.repeat(64) },
      { key: 'b', afterText: true },
      { afterText: true },
    ]
    for (const more of onward) {
      const recorder = heard([...begun, piece('three', [77], more), piece('four', [78], more)])
      expect(partsOf(recorder)).toEqual([['a', 0, 2]])
      expect(recorder.subject?.tokenIds).toEqual([1, 2])
    }
    const back = heard([...begun, piece('x', [77], { key: 'b', digest: '' }), piece('y', [3])])
    expect(partsOf(back)).toEqual([['a', 0, 2]])
  })

  it('is not rated after text from a provider', () => {
    expect(partsOf(heard([piece('one', [1]), foreign('two'), piece('three', [3])]))).toEqual([
      ['a', 0, 1],
    ])
    expect(heard([foreign('one'), piece('two', [2])]).subject).toBeUndefined()
    // The client's own end shows nothing.
    expect(partsOf(heard([piece('one', [1]), foreign('')]))).toEqual([['a', 0, 1]])
  })

  it('is discarded on restart', () => {
    const recorder = heard([foreign('x'), { type: 'restart' }, piece('one', [1], { key: 'b' })])
    expect(partsOf(recorder)).toEqual([['b', 0, 1]])
  })

  it('may display text at a seam that was held back before', () => {
    const recorder = heard([
      piece('one, ', [1, 2]),
      piece('two', [], { key: 'b' }),
      piece(' three', [3], { key: 'b', finish: 'stop' }),
    ])
    expect(partsOf(recorder)).toEqual([
      ['a', 0, 2],
      ['b', 2, 3],
    ])
    expect(recorder.inputs().map(({ hasAllIds }) => hasAllIds)).toEqual([true, true])
  })
})

describe('text without token ids', () => {
  const LONG = 'a lie that is too long to have been held back for anything'
  const tells = (events: readonly AnswerEvent[], asked?: AnswerRequest) =>
    heard(events, asked)
      .inputs()
      .map(({ hasAllIds }) => hasAllIds)

  it('is noticed from a peer that advertises ids, for all of the text or its end', () => {
    expect(tells([piece(LONG, [])])).toEqual([false])
    expect(tells([piece('No.', [])])).toEqual([false])
    expect(tells([piece('one', [1]), piece(LONG, [])])).toEqual([false])
    expect(tells([piece('', [], { reasoning: LONG })])).toEqual([false])
    expect(heard([piece('one', [1]), piece(LONG, [])]).subject).toBeUndefined()
  })

  it('is noticed in each part, and ends the ratable text', () => {
    const recorder = heard([
      piece('one', [1]),
      piece(LONG, [], { key: 'b' }),
      piece('three', [3], { key: 'c' }),
    ])
    expect(recorder.inputs().map(({ hasAllIds }) => hasAllIds)).toEqual([true, false, true])
    expect(partsOf(recorder)).toEqual([['a', 0, 1]])
  })

  it('may have been held back for a stop string', () => {
    const asked = request({ stop: [`${LONG}!`] })
    expect(tells([piece('one', [1]), piece(LONG, [], { finish: 'stop' })], asked)).toEqual([true])
  })

  it('may be reasoning, if the answer has ids', () => {
    expect(tells([piece('', [], { reasoning: LONG }), piece('one', [1])])).toEqual([true])
  })

  it('is normal for a peer that advertises no ids, and is not rated', () => {
    const silent = { capabilities: [] }
    const recorder = heard([piece('one', [1], silent), piece('two', [], silent)])
    expect(recorder.subject).toBeUndefined()
  })

  it('is not held against a peer if the answer could not be rated anyway', () => {
    const tools = [{ type: 'function', function: { name: 'f' } }]
    expect(tells([piece(LONG, [])], request({ tools }))).toEqual([true])
  })
})

it('does not rate several choices, or messages of tools', () => {
  expect(heard([piece('one', [1])], request({ n: 2 })).subject).toBeUndefined()
  const messages = [...body.messages, { role: 'tool', content: '4', tool_call_id: 'x' }]
  expect(heard([piece('one', [1])], request({ messages })).subject).toBeUndefined()
})
