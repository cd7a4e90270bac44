import { describe, expect, it } from 'vitest'
import { continuationOf } from '../../../../client/dispatch/continuation.ts'
import { Transcript } from '../../../../client/dispatch/transcript.ts'
import type { AnswerPiece } from '../../../../client/request/answer-chunk.ts'
import type { AnswerRequest, ChatDelta, ChatRequest } from '../../../../protocol/index.ts'

const chat = (fields: Partial<ChatRequest> = {}): AnswerRequest => ({
  kind: 'chat',
  body: { model: 'm', messages: [{ role: 'user', content: 'hi' }], ...fields },
})
const tools = [{ type: 'function' as const, function: { name: 'f' } }]

function piece(
  delta: ChatDelta,
  ids: readonly number[] = [],
  finish: 'stop' | null = null,
): AnswerPiece {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  const visible = Object.keys(delta).length > 0
  return { chunk: { kind: 'chat', choices }, visible, tokenIds: ids, logprobs: [] }
}

function transcript(pieces: readonly AnswerPiece[], hasIds = true): Transcript {
  const all = new Transcript()
  for (const one of pieces) {
    all.count(one, hasIds)
    all.show(one.chunk)
  }
  return all
}

const known = transcript([piece({ content: 'ö' }, [1]), piece({ content: 'ne' }, [2])])
const unknown = transcript([piece({ content: 'öne' })], false)

describe('an answer that broke off', () => {
  it('continues by its ids or by its text, whichever the next engine accepts', () => {
    const common = { text: 'öne', deliveredBytes: 4, tokens: 2 }
    expect(continuationOf(chat(), known, 'same-model')).toEqual({
      type: 'resume',
      byIds: { ...common, tokenIds: [1, 2] },
      byText: { ...common, tokenIds: [] },
      forms: [],
      unseen: false,
    })
  })

  it('continues by its text alone if its ids are unknown', () => {
    const how = continuationOf(chat(), unknown, 'same-model')
    expect(how).toMatchObject({ type: 'resume', byText: { text: 'öne' } })
    expect(how).not.toHaveProperty('byIds')
  })

  it.each([
    ['the caller wants it exact', chat(), 'exact'],
    ['its logprobs are wanted', chat({ logprobs: true }), 'same-model'],
  ] as const)('continues only by ids if %s', (_, request, mode) => {
    const how = continuationOf(request, known, mode)
    expect(how).toMatchObject({ type: 'resume', byIds: { tokenIds: [1, 2] } })
    expect(how).not.toHaveProperty('byText')
    expect(continuationOf(request, unknown, mode).type).toBe('impossible')
  })

  it.each([
    ['the caller does not want it', chat(), known, 'off'],
    ['it has several choices', chat({ n: 2 }), known, 'same-model'],
    [
      'a part of a tool call was shown',
      chat({ tools }),
      transcript([piece({ tool_calls: [{ index: 0 }] }, [1])]),
      'same-model',
    ],
    [
      'reasoning followed the text',
      chat(),
      transcript([piece({ content: 'a' }, [1]), piece({ reasoning_content: 'hm' }, [2])]),
      'same-model',
    ],
    [
      'half a character was shown',
      chat(),
      transcript([piece({ content: '\ud83d' }, [1])]),
      'same-model',
    ],
    [
      'it is longer than a head may be',
      chat(),
      transcript([piece({ content: 'x'.repeat(2 ** 20) }, [1])]),
      'same-model',
    ],
    [
      'it consists of embeddings',
      { kind: 'embedding', body: { model: 'm', input: 'a' } } as const,
      known,
      'same-model',
    ],
  ] as const)('does not continue if %s', (_, request, so, mode) => {
    expect(continuationOf(request, so, mode).type).toBe('impossible')
  })

  it.each([
    [chat({ tools }), known, ['tools']],
    [chat({ tools, tool_choice: 'none' }), known, []],
    [chat({ response_format: { type: 'json_object' } }), known, ['json']],
    [chat(), transcript([piece({ reasoning_content: 'hm' }, [1])]), ['reasoning']],
  ] as const)('says what an engine must be able to resume, %#', (request, so, forms) => {
    expect(continuationOf(request, so, 'same-model')).toMatchObject({ type: 'resume', forms })
  })

  it('hands reasoning over beside the text', () => {
    const so = transcript([piece({ reasoning_content: 'hm' }), piece({ content: 'a' })], false)
    expect(continuationOf(chat(), so, 'same-model')).toMatchObject({
      byText: { text: 'a', reasoning: 'hm', tokens: 2 },
    })
  })

  it('may begin anew, also without resume, while the caller has seen nothing', () => {
    const so = new Transcript()
    so.count(piece({ tool_calls: [{ index: 0 }] }, [1]), true, true)
    const anew = { type: 'resume', unseen: true }
    expect(continuationOf(chat({ tools }), so, 'off')).toEqual({ ...anew, forms: ['tools'] })
    const how = continuationOf(chat({ tools }), so, 'same-model')
    expect(how).toMatchObject({ ...anew, byIds: { tokenIds: [1], text: '' } })
    expect(how).not.toHaveProperty('byText')
  })
})

describe('an answer whose end was decided', () => {
  it('is ended once its finish reason was received, whatever else holds', () => {
    const finished = transcript([piece({ tool_calls: [{ index: 0 }] }), piece({}, [], 'stop')])
    expect(continuationOf(chat({ tools }), finished, 'off')).toEqual({ type: 'ended' })
  })

  it('is ended for its length once all its tokens were received and shown', () => {
    const spent = { type: 'ended', finishReason: 'length' }
    expect(continuationOf(chat({ max_tokens: 2 }), known, 'off')).toEqual(spent)
    expect(continuationOf(chat({ max_completion_tokens: 2 }), known, 'off')).toEqual(spent)
    expect(continuationOf(chat({ max_tokens: 3 }), known, 'same-model').type).toBe('resume')
  })

  it('is ended by an engine if part of it may be held back', () => {
    const held = transcript([piece({ content: 'a' }, [1]), piece({}, [2])])
    for (const [request, so] of [
      [chat({ max_tokens: 2 }), held],
      [chat({ max_tokens: 2, stop: ['x'] }), known],
      [chat({ max_tokens: 1 }), unknown],
    ] as const) {
      expect(continuationOf(request, so, 'same-model').type).toBe('resume')
    }
  })
})
