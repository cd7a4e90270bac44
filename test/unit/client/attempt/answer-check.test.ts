import { describe, expect, it } from 'vitest'
import { AnswerCheck, checkFailure } from '../../../../client/attempt/answer-check.ts'
import { parseChunk } from '../../../../client/attempt/chunk.ts'
import { encodeRequest } from '../../../../client/request/wire-request.ts'
import { InferenceError, LIMITS } from '../../../../protocol/index.ts'

const asked = { kind: 'completion', body: { model: 'm', prompt: 'x' } } as const
const request = encodeRequest(
  { kind: 'score', body: { model: 'm', request: asked, completion: [5] } },
  undefined,
)
const rated = {
  object: 'score',
  scores: [{ position: 0, id: 5, logprob: -1, top: [{ id: 5, logprob: -1 }] }],
}
const take = (more: object): object => new AnswerCheck(request).value({ ...rated, ...more })

describe('a rating', () => {
  it('may omit the text of the ids and the end', () => {
    expect(take({})).toMatchObject(rated)
  })

  it('is read with the text and the end', () => {
    const more = { text: 'A goose.', end: { logprob: null, top: [{ id: 7, logprob: -0.1 }] } }
    expect(take(more)).toMatchObject(more)
  })

  it.each([
    ['too long a text', { text: 'x'.repeat(LIMITS.maxScoredText + 1) }],
    ['a text that is not a string', { text: 7 }],
    ['a probability above one', { end: { logprob: 0.5, top: [] } }],
    [
      'the likeliest tokens in the wrong order',
      {
        end: {
          logprob: null,
          top: [
            { id: 7, logprob: -2 },
            { id: 8, logprob: -1 },
          ],
        },
      },
    ],
  ])('is malformed with %s', (_, more) => {
    expect(() => take(more)).toThrow(expect.objectContaining({ code: 'malformed' }))
  })
})

describe('a chunk crafted to be invalid a hundred thousand times', () => {
  const many = (piece: string): string => `[${Array(150_000).fill(piece).join()}]`
  const choice = (rest: string): string => `{"choices":[{"index":0,"delta":{},"text":"",${rest}}]}`

  it.each([
    ['chat', 'log probabilities', choice(`"logprobs":{"content":${many('{}')}}`)],
    ['completion', 'tokens', choice(`"logprobs":{"tokens":${many('0')}}`)],
    ['embedding', 'numbers', `{"index":0,"embedding":${many('""')}}`],
    ['score', 'scores', `{"object":"score","scores":${many('{}')}}`],
  ] as const)('is malformed: %s, by %s', (kind, _, text) => {
    expect(() => parseChunk(kind, new TextEncoder().encode(text))).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    )
  })
})

describe('a failure that a peer reports', () => {
  it('is never the client’s own: an internal one is its engine’s', () => {
    const failure = checkFailure(new InferenceError('internal', 'the node failed'), request, false)
    expect(failure).toMatchObject({ code: 'engine_failed' })
    expect(failure.traits.blame).toBe('peer')
  })
})
