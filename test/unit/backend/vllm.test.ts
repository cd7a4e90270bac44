import { describe, expect, it } from 'vitest'
import { createOpenAiBackend } from '../../../backend/index.ts'
import { parseRequest } from '../../../protocol/index.ts'
import { chat, events, fakeFetch, json, type Reply } from '../../../testing/engines/fake-engine.ts'
import { collect, failureOf } from '../../conformance/backend-answers.ts'

describe('a vLLM that reports token ids', () => {
  const ids = (tokens: readonly number[], finish: string | null = null) =>
    JSON.stringify({
      choices: [{ index: 0, delta: { content: 'x' }, finish_reason: finish, token_ids: tokens }],
    })
  const text = (content: string, tokens: readonly number[], finish: string | null = null) =>
    JSON.stringify({
      choices: [{ index: 0, text: content, finish_reason: finish, token_ids: tokens }],
    })
  const usage = (completion: number) =>
    JSON.stringify({ choices: [], usage: { prompt_tokens: 5, completion_tokens: completion } })
  const rated = (...entries: readonly (object | null)[]) =>
    json({ choices: [{ index: 0, prompt_logprobs: entries }], usage: { prompt_tokens: 9 } })
  const entry = (id: number, logprob = -0.5) => ({ [id]: { logprob, rank: 1 } })

  /** Its trial (four tokens, two of them resumed from, and their scores), then the replies under test. */
  function vllm(overrides: Readonly<Record<string, Reply>> = {}) {
    const completions: Response[] = [
      events(text('c', [13]), text('d', [14], 'length'), usage(2), '[DONE]'),
      rated(null, entry(2), entry(11), entry(12), entry(13), entry(14)),
    ]
    const table: Record<string, Reply> = {
      '/v1/models': () =>
        json({ data: [{ id: 'm', owned_by: 'vllm', root: '/models/m', max_model_len: 100 }] }),
      '/tokenize': () => json({ tokens: [1, 2] }),
      '/detokenize': () => json({ prompt: 'one t' }),
      '/v1/chat/completions': () =>
        events(ids([11]), ids([12, 13]), ids([14], 'length'), usage(4), '[DONE]'),
      ...overrides,
    }
    const { '/v1/completions': later = () => rated(null) } = table
    table['/v1/completions'] = () =>
      completions.shift() ?? (typeof later === 'function' ? later() : later)
    return fakeFetch(table)
  }

  it('offers ids, scores and resume, under the digest of its folder', async () => {
    const { fetch } = vllm()
    const digestOf = async (path: string) => `of ${path}`
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch, digestOf })
    const [model] = await backend.models()
    expect(model).toMatchObject({ digest: 'of /models/m', resume: 'tokens' })
    expect(model?.capabilities).toEqual(expect.arrayContaining(['token_ids', 'score']))
    expect(model?.templateHash).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  it.each<[string, Readonly<Record<string, Reply>>]>([
    [
      'keeps its thoughts apart',
      {
        '/v1/chat/completions': () =>
          events(
            JSON.stringify({
              choices: [{ index: 0, delta: { reasoning: 'hm' }, token_ids: [11] }],
            }),
            ids([12, 13, 14], 'length'),
            usage(4),
          ),
      },
    ],
    [
      'leaves ids out',
      { '/v1/chat/completions': () => events(ids([11, 12]), ids([], 'length'), usage(4)) },
    ],
    ['has no tokenizer to ask', { '/tokenize': () => json({ detail: 'Not Found' }, 404) }],
  ])('offers none of it where it %s', async (_, overrides) => {
    const { fetch, bodyOf } = vllm(overrides)
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const [model] = await backend.models()
    expect(model?.resume).toBe('none')
    expect(model?.capabilities).not.toContain('token_ids')
    expect(model?.capabilities).not.toContain('score')
    const { events: told } = await collect(backend.infer(chat()))
    expect(told.flatMap((event) => (event.type === 'chunk' ? event.tokenIds : []))).toEqual([])
    expect(bodyOf('/v1/chat/completions')).not.toHaveProperty('return_token_ids')
  })

  it('has the same template hash on every day, and another for another template', async () => {
    const hashOf = async (prompt: string) => {
      const { fetch } = vllm({ '/detokenize': () => json({ prompt }) })
      const [model] = await createOpenAiBackend({ baseUrl: 'http://engine', fetch }).models()
      return model?.templateHash
    }
    const today = await hashOf('<s>Today is 25 Nov 2026. One?')
    expect(await hashOf('<s>Today is 26 Dec 2026. One?')).toBe(today)
    expect(await hashOf('<s>[INST] One? [/INST]')).not.toBe(today)
  })

  it('rates each token of an answer, whatever its rank', async () => {
    const { fetch, bodyOf } = vllm({
      '/v1/completions': () =>
        rated(null, entry(2), entry(7), { ...entry(8, -9), ...entry(3, -0.1) }, entry(9)),
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    await backend.models()
    const request = {
      kind: 'chat',
      body: { model: 'm', messages: [{ role: 'user', content: 'a' }] },
    }
    const score = { model: 'm', request, completion: [7, 8, 9], positions: [1, 2] }
    const { events: told } = await collect(backend.infer(parseRequest('score', score)))
    expect(bodyOf('/v1/completions')).toMatchObject({
      prompt: [1, 2, 7, 8, 9],
      prompt_logprobs: 1,
      max_tokens: 1,
    })
    expect(told[0]).toMatchObject({
      json: {
        scores: [
          { position: 1, id: 8, logprob: -9, top: [{ id: 3, logprob: -0.1 }] },
          { position: 2, id: 9, logprob: -0.5, top: [{ id: 9, logprob: -0.5 }] },
        ],
      },
    })
  })

  it('resumes from ids, and finds a stop string that began before', async () => {
    const { fetch, bodyOf } = vllm({
      '/v1/completions': () =>
        events(text('wo, th', [15, 16]), text('ree', [17], 'stop'), usage(3)),
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    await backend.models()
    const resume = { tokenIds: [11, 12], text: 'one', deliveredBytes: 3 }
    const answer = await collect(
      backend.infer(chat({ max_tokens: 9, stop: 'two, th' }), { resume }),
    )
    expect(answer.text).toBe(' ')
    expect(answer.finishes).toEqual(['stop'])
    const sent = bodyOf('/v1/completions')
    expect(sent).toMatchObject({ prompt: [1, 2, 11, 12], max_tokens: 7, return_token_ids: true })
    expect(sent).not.toHaveProperty('stop')
  })

  it('does not resume with penalties, which would count other tokens', async () => {
    const { fetch } = vllm()
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    await backend.models()
    const resume = { tokenIds: [11, 12], text: 'one', deliveredBytes: 3 }
    const { error } = await failureOf(backend.infer(chat({ frequency_penalty: 0.5 }), { resume }))
    expect(error).toMatchObject({ code: 'not_resumable' })
  })
})
