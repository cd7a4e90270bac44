import { describe, expect, it } from 'vitest'
import type { EngineHttp } from '../../../backend/http/index.ts'
import { llamaScore } from '../../../backend/openai/llama-score.ts'
import type { ScoreResponse } from '../../../protocol/index.ts'

/** Text of each token. The last is half a character, completed by no other one. */
const PIECES = ['a', ' goose', '<|im_end|>', '<b>', '\uFFFD']
const [A, GOOSE, END, TAG, HALF] = [0, 1, 2, 3, 4]

/** A server that always prefers the same token; the others are less likely the later they are listed. */
function serverOf(next: number): EngineHttp {
  const answers: Record<string, (body: Record<string, unknown>) => object> = {
    '/props': () => ({ eos_token: '<|im_end|>' }),
    '/detokenize': ({ tokens }) => ({
      content: (tokens as number[]).map((id) => PIECES[id]).join(''),
    }),
    '/tokenize': ({ content, parse_special: isSpecial }) => {
      const id = PIECES.indexOf(String(content))
      return { tokens: id === -1 || (id === END && isSpecial !== true) ? [7, 8] : [id] }
    },
    '/completion': (body) => {
      const others = [A, GOOSE, END].filter((id) => id !== next)
      const top_logprobs = [next, ...others].map((id, at) => ({ id, logprob: -0.1 - at }))
      const { logit_bias: bias } = body
      const isHalf = next === HALF && bias === undefined
      const stop_type = next === END ? 'eos' : 'limit'
      return { stop_type, completion_probabilities: isHalf ? [] : [{ id: next, top_logprobs }] }
    },
  }
  const call = async (path: string, body: object): Promise<Record<string, unknown>> =>
    ({ ...answers[path]?.(body as Record<string, unknown>) }) as Record<string, unknown>
  return {
    baseUrl: '',
    get: (path: string) => call(path, {}),
    post: (path: string, body: object) => call(path, body),
    delete: async () => undefined,
    requireConnection: () => Promise.resolve('accepts'),
    watchBy: () => {},
    stream: () => {
      throw new Error('nothing is streamed')
    },
  }
}

async function rated(completion: readonly number[], next: number): Promise<ScoreResponse> {
  const http = serverOf(next)
  const asked = { kind: 'completion', body: { model: 'm', prompt: [9] } } as const
  const body = { model: 'm', request: asked, completion, top_logprobs: 2 }
  for await (const event of llamaScore(body, { http, signal: new AbortController().signal })) {
    if (event.type === 'chunk') return event.json as ScoreResponse
  }
  throw new Error('it rated nothing')
}

describe('a llama-server that rates an answer', () => {
  it('returns the decoded text as it would show it: tags, but no control tokens', async () => {
    const { text } = await rated([A, GOOSE, TAG, END], A)
    expect(text).toBe('a goose<b>')
    expect((await rated([A, GOOSE], A)).text).toBe('a goose')
  })

  it('returns the log probability of the end, whether or not it would end the answer', async () => {
    expect((await rated([A, GOOSE], END)).end).toEqual({
      logprob: -0.1,
      top: [
        { id: A, logprob: -1.1 },
        { id: GOOSE, logprob: -2.1 },
      ],
    })
    expect((await rated([A, GOOSE], A)).end).toEqual({
      logprob: -2.1,
      top: [
        { id: A, logprob: -0.1 },
        { id: GOOSE, logprob: -1.1 },
      ],
    })
  })

  it('does not rate the end of an answer whose ids end it', async () => {
    expect((await rated([A, END], A)).end).toBeUndefined()
  })

  it('rates places at which it would write half a character', async () => {
    const { scores } = await rated([A, HALF], HALF)
    expect(scores.map(({ logprob, top }) => [logprob, top[0]?.id])).toEqual([
      [-1.1, HALF],
      [-0.1, HALF],
    ])
  })
})
