import { describe, expect, it } from 'vitest'
import { Transcript } from '../../../../client/dispatch/transcript.ts'
import {
  type AnswerPiece,
  isEnd,
  shownBytes,
  shownText,
  tokensOf,
} from '../../../../client/request/answer-chunk.ts'
import type { ChatDelta } from '../../../../protocol/index.ts'

function chat(
  delta: ChatDelta,
  ids: readonly number[] = [],
  finish: 'stop' | null = null,
): AnswerPiece {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  const visible = Object.keys(delta).length > 0
  return { chunk: { kind: 'chat', choices }, visible, tokenIds: ids, logprobs: [] }
}
const embedding: AnswerPiece = {
  chunk: { kind: 'embedding', item: { object: 'embedding', index: 0, embedding: [1] } },
  ...{ visible: true, tokenIds: [], logprobs: [] },
}

function take(transcript: Transcript, piece: AnswerPiece, hasIds: boolean): void {
  transcript.count(piece, hasIds)
  transcript.show(piece.chunk)
}

function taken(pieces: readonly AnswerPiece[], hasIds = true): Transcript {
  const transcript = new Transcript()
  for (const piece of pieces) take(transcript, piece, hasIds)
  return transcript
}

describe('a transcript', () => {
  it('holds text and ids; the ids may be ahead of the text', () => {
    const so = taken([chat({ content: 'a' }, [1]), chat({}, [2]), chat({ content: 'ö' }, [3])])
    expect(so).toMatchObject({ text: 'aö', bytes: 3, tokens: 3, tokenIds: [1, 2, 3], begun: true })
  })

  it('still knows the ids if held-back text arrives without ids after a piece with ids', () => {
    expect(taken([chat({ content: 'a' }, [1, 2]), chat({ content: 'b' })]).tokenIds).toEqual([1, 2])
  })

  it.each([
    ['the first piece had none', [chat({ content: 'a' }), chat({ content: 'b' }, [1])], true],
    ['the engine does not report all of them', [chat({ content: 'a' }, [1])], false],
  ] as const)('knows no ids if %s', (_, pieces, hasIds) => {
    expect(taken(pieces, hasIds).tokenIds).toBeUndefined()
  })

  it('discards the ids after a resume by text', () => {
    const so = taken([chat({ content: 'a' }, [1])])
    so.continueFromText()
    take(so, chat({ content: 'b' }, [2]), true)
    expect([so.tokenIds, so.text, so.tokens]).toEqual([undefined, 'ab', 2])
  })

  it('counts a character that arrived in two halves by the bytes of the whole', () => {
    const so = taken([chat({ content: '\ud83d' }, [1]), chat({ content: '\ude00' }, [2])])
    expect([so.text, so.bytes]).toEqual(['😀', 4])
  })

  it.each([
    ['tool calls', { tool_calls: [{ index: 0 }] }],
    ['reasoning after the text', { reasoning_content: 'hm' }],
    ['a refusal', { refusal: 'no' }],
  ])('records %s, which no engine can be given', (what, delta) => {
    expect(taken([chat({ content: 'a' }), chat(delta)]).beyondText).toBe(what)
  })

  it('has the reasoning beside the text', () => {
    const so = taken([chat({ reasoning_content: 'h' }), chat({ reasoning_content: 'm' })])
    expect(so).toMatchObject({ reasoning: 'hm', text: '', beyondText: undefined, begun: true })
  })

  it('keeps ids of what is held back, and forgets its tokens if the next part continues from the text', () => {
    const so = taken([chat({ content: 'a' }, [1])])
    so.count(chat({ tool_calls: [{ index: 0 }] }, [2, 3]), true, true)
    expect(so).toMatchObject({ tokens: 3, tokenIds: [1, 2, 3], beyondText: undefined })
    so.continueFromText()
    expect(so).toMatchObject({ tokens: 1, tokenIds: undefined, text: 'a' })
  })

  it('keeps the first finish reason, and whether the newest token was shown', () => {
    const so = taken([chat({ content: 'a' }, [1]), chat({}, [2]), chat({}, [], 'stop')])
    expect([so.finishReason, so.lastTokenShown]).toEqual(['stop', false])
    expect(taken([embedding])).toMatchObject({ begun: true, text: '', tokens: 1 })
  })
})

describe('a piece', () => {
  it('has as many tokens as ids; without ids one if it is visible, else none', () => {
    expect(
      [chat({ content: 'a' }, [1, 2]), chat({ content: 'a' }), chat({})].map(tokensOf),
    ).toEqual([...[2, 1, 0]])
  })

  it('ends an answer by its finish reason alone', () => {
    expect([chat({}, [], 'stop'), chat({ content: 'a' }), embedding].map(isEnd)).toEqual([
      ...[true, false, false],
    ])
  })

  it('shows content, reasoning and refusal; its bytes count tool calls as well', () => {
    const { chunk } = chat({
      ...{ content: 'ö', reasoning_content: 'r', refusal: 'n' },
      tool_calls: [{ index: 0, function: { name: 'f', arguments: '{}' } }],
    })
    expect([shownText(chunk), shownBytes(chunk)]).toEqual(['örn', 7])
  })
})
