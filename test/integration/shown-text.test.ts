import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createEmbeddedBackend, type EmbeddedBackend } from '../../backend/index.ts'
import { readChunk } from '../../client/attempt/chunk.ts'
import type { Candidate } from '../../client/request/candidate.ts'
import { AnswerRecorder } from '../../client/trust/audit/answer-recorder.ts'
import { partRating } from '../../client/trust/audit/part-rating.ts'
import { type AnswerRequest, parseRequest, type ScoreResponse } from '../../protocol/index.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const modelPath = fileURLToPath(
  new URL('../../testing/models/skein-tiny-f16.gguf', import.meta.url),
)

/** Hot enough for half characters, tags and braces to be drawn. */
const WILD = { temperature: 2, top_k: 0, max_tokens: 60 }

const ways: readonly (readonly [name: string, body: object])[] = [
  ['to its own end', {}],
  ['up to a limit', { max_tokens: 9 }],
  ['up to a stop string that spans tokens', { stop: ['6, 7', '. The '] }],
  ['up to a stop string of white space', { stop: [' '] }],
  ['with a stop string that it begins and does not write', { stop: ['5, 6, 8', ', 9!'] }],
  ['wildly', { ...WILD, seed: 1 }],
  ['wildly, and cut off', { ...WILD, seed: 2, max_tokens: 5 }],
  ['wildly, up to a stop string', { ...WILD, seed: 3, stop: ['e', '<', '\uFFFD'] }],
  ['wildly, with another seed', { ...WILD, seed: 4 }],
]

describe('an answer of a real engine is found to be what its tokens spell', () => {
  let backend: EmbeddedBackend
  let candidate: Candidate

  beforeAll(async () => {
    backend = await createEmbeddedBackend({ modelPath, threads: 1, contextSize: 1_024 })
    const [model] = await backend.models()
    if (model === undefined) throw new Error('no model')
    candidate = { key: 'peer', model } as unknown as Candidate
  })
  afterAll(async () => {
    await backend[Symbol.asyncDispose]()
  })

  async function answered(request: AnswerRequest, recorder: AnswerRecorder): Promise<void> {
    for await (const event of backend.infer(request)) {
      if (event.type !== 'chunk') continue
      const { json, tokenIds, logprobs } = event
      const chunk = readChunk(request.kind, json)
      recorder.record({ type: 'chunk', peerId: 'peer', chunk, candidate, tokenIds, logprobs })
    }
  }

  async function scored(body: object): Promise<ScoreResponse> {
    for await (const event of backend.infer(parseRequest('score', body))) {
      if (event.type === 'chunk' && 'scores' in event.json) return event.json
    }
    throw new Error('it rated nothing')
  }

  it.each(ways)('%s', async (_, more) => {
    const contents = [
      'Count from 3 to 12.',
      'Tell me a story about a goose.',
      'Say é, 日本 and 🦆.',
    ]
    for (const content of contents) {
      const messages = [{ role: 'user', content }]
      const body = { model: candidate.model.id, temperature: 0, messages, ...more }
      const request = parseRequest('chat', body) as AnswerRequest
      const recorder = new AnswerRecorder(request, undefined)
      await answered(request, recorder)
      expect(recorder.inputs().map(({ hasAllIds }) => hasAllIds)).toEqual([true])
      const { subject } = recorder
      const [part] = subject?.parts ?? []
      if (subject === undefined || part === undefined) throw new Error('it wrote nothing')
      const completion = subject.tokenIds
      const response = await scored({
        model: candidate.model.id,
        request: subject.asked,
        completion,
        top_logprobs: 20,
      })
      const { verdict, isTextGenuine } = partRating(response, subject, part, true)
      expect([isTextGenuine, verdict.finding]).toEqual([true, undefined])
      // The same with a word in it that it did not write.
      const { runs = [] } = part.shown ?? {}
      const lie = { runs: [{ kind: 'answer' as const, text: 'Lies: ' }, ...runs], isComplete: true }
      expect(partRating(response, subject, { ...part, shown: lie }, true).verdict.outcome).toBe(
        'failed',
      )
    }
  })
})
