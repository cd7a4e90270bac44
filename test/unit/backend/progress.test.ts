import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  createOllamaBackend,
  createOpenAiBackend,
  type EngineProgress,
} from '../../../backend/index.ts'
import {
  chat,
  delta,
  events,
  fakeFetch,
  json,
  lines,
} from '../../../testing/engines/fake-engine.ts'
import { collect, failureOf } from '../../conformance/backend-answers.ts'

const report = (processed: number, extra: object = {}): object => ({
  ...extra,
  prompt_progress: { total: 601, cache: 0, processed, time_ms: 7 },
})
const inChat = (processed: number): object =>
  report(processed, { choices: [{ index: 0, delta: { role: 'assistant', content: null } }] })
/** As the real server sends it: with a token id that no answer contains. */
const native = (processed: number): object => report(processed, { content: '', tokens: [0] })
const last = { content: '', tokens: [], stop: true, stop_type: 'eos', tokens_evaluated: 601 }
const READ = [0, 128, 601].map((tokens) => ({ phase: 'prefill', tokens, of: 601 }))

function llamaServer(table: Parameters<typeof fakeFetch>[0]): ReturnType<typeof fakeFetch> {
  return fakeFetch({
    '/v1/models': () => json({ data: [{ id: 'm', owned_by: 'llamacpp' }] }),
    '/props': () => json({ default_generation_settings: { n_ctx: 999 }, chat_template: '{{ m }}' }),
    '/apply-template': () => json({ prompt: 'hello' }),
    ...table,
  })
}

describe('a llama-server that reports its prefill', () => {
  it('passes the reports on from OpenAI’s endpoint, and none of them is part of the answer', async () => {
    const { fetch, bodyOf } = llamaServer({
      '/v1/chat/completions': () =>
        events(
          ...[0, 128, 601].map((tokens) => JSON.stringify(inChat(tokens))),
          delta('a', 'stop'),
          '[DONE]',
        ),
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const told: EngineProgress[] = []
    const onProgress = (progress: EngineProgress): unknown => told.push(progress)
    const answer = await collect(backend.infer(chat(), { onProgress }))
    expect(answer.text).toBe('a')
    expect(told).toEqual(READ)
    expect(bodyOf('/v1/chat/completions')).toMatchObject({ return_progress: true })
  })

  it('passes them on from its own endpoint, without their token ids', async () => {
    const completions = [
      [1, 2, 3, 4],
      [3, 4],
    ].map((tokens) => json({ tokens, content: '' }))
    const records = [...[0, 128, 601].map(native), { content: 'a', tokens: [5] }, last]
    const { fetch } = llamaServer({
      '/completion': () =>
        completions.shift() ?? events(...records.map((record) => JSON.stringify(record))),
    })
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch })
    const told: EngineProgress[] = []
    const onProgress = (progress: EngineProgress): unknown => told.push(progress)
    const answer = await collect(backend.infer(chat(), { onProgress }))
    const ids = answer.events.flatMap((event) => (event.type === 'chunk' ? event.tokenIds : []))
    expect(ids).toEqual([5])
    expect(told).toEqual(READ)
  })

  it('is given the time of a first record between two batches, not that of a gap', async () => {
    const slow = (...data: readonly string[]) => {
      const encoder = new TextEncoder()
      return new Response(
        new ReadableStream({
          async start(controller) {
            for (const [at, text] of data.entries()) {
              if (at > 0) await sleep(60)
              controller.enqueue(encoder.encode(`data: ${text}\n\n`))
            }
            controller.close()
          },
        }),
      )
    }
    const reading = [0, 128, 601].map((tokens) => JSON.stringify(inChat(tokens)))
    let reply = (): Response => json({ choices: [{}] })
    const { fetch } = llamaServer({ '/v1/chat/completions': () => reply() })
    const limits = { firstRecordTimeoutMs: 60_000, gapTimeoutMs: 20 }
    const backend = createOpenAiBackend({ baseUrl: 'http://engine', fetch, ...limits })
    await backend.models()
    reply = () => slow(...reading, delta('a', 'stop'))
    expect((await collect(backend.infer(chat()))).text).toBe('a')
    reply = () => slow(delta('a'), delta('b', 'stop'))
    const { error } = await failureOf(backend.infer(chat()))
    expect(error).toMatchObject({ code: 'engine_failed' })
  })
})

describe('an Ollama that loads a model', () => {
  it('is reported as loading until the model is listed, and its load time is measured', async () => {
    const loaded = Promise.withResolvers<void>()
    const done = {
      ...{ message: { content: 'a' }, done: true, done_reason: 'stop' },
      ...{ prompt_eval_count: 9, eval_count: 2, load_duration: 42_000_000_000 },
    }
    let looks = 0
    let isAsked: boolean = false
    const { fetch } = fakeFetch({
      '/api/tags': () => json({ models: [{ name: 'm:latest', digest: 'a' }] }),
      '/api/show': () => json({ capabilities: ['completion'] }),
      '/api/version': () => json({ version: '0' }),
      '/api/ps': () => {
        if (isAsked) looks += 1
        return json({ models: looks > 1 ? [{ name: 'm:latest' }] : [] })
      },
      '/api/chat': async () => {
        // The trials at the start prove nothing here.
        if (!isAsked) return json({ error: 'not now' }, 503)
        await loaded.promise
        return lines(done)
      },
    })
    const backend = createOllamaBackend({ fetch })
    await backend.models()
    isAsked = true
    const told: EngineProgress[] = []
    const onProgress = (progress: EngineProgress): void => {
      told.push(progress)
      if (progress.phase === 'working') loaded.resolve()
    }
    const answer = await collect(backend.infer(chat(), { onProgress }))
    expect(answer.text).toBe('a')
    expect(told).toEqual([{ phase: 'loading' }, { phase: 'working' }])
    expect(await backend.load()).toMatchObject({ coldStartMs: 42_000 })
  })
})
