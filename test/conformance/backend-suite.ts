import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Backend, BackendModel } from '../../backend/index.ts'
import { LIMITS, parseRequest, type ScoreResponse } from '../../protocol/index.ts'
import {
  type Answer,
  collect,
  count,
  failureOf,
  idsOf,
  numbersTo,
  textOf,
} from './backend-answers.ts'

/** An engine for one suite, and what can be observed of it. */
export interface EngineUnderTest extends AsyncDisposable {
  readonly backend: Backend
  /** A chat model that counts: "Count from 1 to 5." → "1, 2, 3, 4, 5." */
  readonly model: string
  /** Requests running at the engine. */
  active(): Promise<number>
  /** Tokens generated since its start, if it counts them. */
  generated?(): Promise<number>
  /** Ends the engine as SIGKILL does. */
  kill(): void | Promise<void>
}

/** Long enough to detect an engine that does not stop. */
const LONG = 300
const CUT_AFTER_CHUNKS = 5

/**
 * The contract of every `Backend`. One engine serves the whole suite; a second one is killed.
 *
 * @param startMs time for the engine to be ready
 */
export function backendSuite(
  name: string,
  start: () => Promise<EngineUnderTest>,
  startMs = 60_000,
): void {
  describe(`a backend: ${name}`, () => {
    let engine: EngineUnderTest
    let started: EngineUnderTest | undefined
    let model: BackendModel

    beforeAll(async () => {
      started = await start()
      engine = started
      const models = await engine.backend.models()
      const found = models.find(({ id }) => id === engine.model)
      if (found === undefined) throw new Error(`no ${engine.model} in ${JSON.stringify(models)}`)
      model = found
    }, startMs)
    afterAll(async () => {
      await started?.[Symbol.asyncDispose]()
    })

    const ask = (request: ReturnType<typeof count>): Promise<Answer> =>
      collect(engine.backend.infer(request))
    const chat = (to: number, extra: object = {}) => count(engine.model, to, extra)
    const idle = () =>
      vi.waitFor(async () => expect(await engine.active()).toBe(0), { timeout: 10_000 })

    it('describes its models and capacity', async () => {
      expect(engine.backend.description).not.toBe('')
      expect(model.contextLength).toBeGreaterThan(0)
      expect(model.capabilities).toContain('chat')
      expect(model.id).toBe(model.id.toLowerCase())
      expect(model.id).not.toContain('/models/')
      const load = await engine.backend.load()
      expect(load.state).toBe('ready')
      expect(load.slots).toBeGreaterThan(0)
      expect(load.prefillRate).toBeGreaterThanOrEqual(0)
    })

    it('streams a chat: chunks, one finish reason, then done, once and last', async () => {
      const { events, done, text, finishes } = await ask(chat(20))
      expect(text).toBe(numbersTo(20))
      expect(events.length).toBeGreaterThan(10)
      expect(finishes).toEqual(['stop'])
      expect(events.filter(({ type }) => type === 'done')).toHaveLength(1)
      expect(events.at(-1)?.type).toBe('done')
      expect(done.usage.promptTokens).toBeGreaterThan(5)
      expect(done.usage.completionTokens).toBeGreaterThan(20)
      expect(done.timings.prefillMs).toBeGreaterThanOrEqual(0)
      expect(done.timings.decodeMs).toBeGreaterThanOrEqual(0)
    })

    it('completes a prompt', async (context) => {
      if (!model.capabilities.includes('completion')) return context.skip('no completion')
      const body = {
        model: engine.model,
        prompt: '1, 2, 3, 4, 5,',
        max_tokens: 6,
        temperature: 0,
      }
      const first = await ask(parseRequest('completion', body))
      const second = await ask(parseRequest('completion', body))
      expect(first.text).toBe(second.text)
      expect(first.text).not.toBe('')
      expect(first.finishes).toEqual(['length'])
      expect(first.done.usage.completionTokens).toBe(6)
      for (const event of first.events) {
        if (event.type === 'chunk') expect(event.json).toMatchObject({ object: 'text_completion' })
      }
    })

    it('embeds each input, in order, the same text to the same vector', async (context) => {
      if (!model.capabilities.includes('embedding')) return context.skip('no embeddings')
      const input = ['one', 'two', 'one']
      const { events, done } = await ask(parseRequest('embedding', { model: engine.model, input }))
      const items = events.flatMap((event) =>
        event.type === 'chunk' && 'embedding' in event.json ? [event.json] : [],
      )
      expect(items.map(({ index }) => index)).toEqual([0, 1, 2])
      expect(items[0]?.embedding.length).toBeGreaterThan(4)
      expect(items[0]?.embedding.every(Number.isFinite)).toBe(true)
      // Batches may round differently.
      items[0]?.embedding.forEach((value, at) => {
        expect(value).toBeCloseTo(items[2]?.embedding[at] ?? Number.NaN, 3)
      })
      expect(items[1]?.embedding).not.toEqual(items[0]?.embedding)
      expect(done.usage.promptTokens).toBeGreaterThan(0)
    })

    it('stops at max_tokens with finish reason length', async () => {
      const { done, finishes } = await ask(chat(30, { max_tokens: 5 }))
      expect(finishes).toEqual(['length'])
      expect(done.usage.completionTokens).toBe(5)
      const newer = await ask(chat(30, { max_completion_tokens: 4 }))
      expect(newer.done.usage.completionTokens).toBe(4)
    })

    it('ends at a stop string that spans tokens, and shows none of it', async () => {
      const { text, finishes } = await ask(chat(20, { stop: ['never', ', 7'] }))
      expect(text).toBe('1, 2, 3, 4, 5, 6')
      expect(finishes).toEqual(['stop'])
    })

    it('shows text that only begins like a stop string', async () => {
      const { text } = await ask(chat(12, { stop: ', 12, 13' }))
      expect(text).toBe(numbersTo(12))
    })

    it('gives the same answer for the same seed', async () => {
      const messages = [{ role: 'user', content: 'Tell me a story about a goose and a lake.' }]
      const body = { model: engine.model, messages, temperature: 1, seed: 7, max_tokens: 24 }
      const first = await ask(parseRequest('chat', body))
      const second = await ask(parseRequest('chat', body))
      expect(first.text).not.toBe('')
      expect(second.text).toBe(first.text)
    })

    it('stops the engine when the consumer leaves', async () => {
      const whole = await ask(chat(LONG))
      await idle()
      const before = await engine.generated?.()
      let seen = 0
      for await (const _ of engine.backend.infer(chat(LONG))) {
        seen += 1
        if (seen === CUT_AFTER_CHUNKS) break
      }
      await idle()
      const after = await engine.generated?.()
      if (before === undefined || after === undefined) return
      expect(after - before).toBeLessThan(whole.done.usage.completionTokens)
    })

    it('stops the engine when the signal fires, and throws its reason', async () => {
      const abort = new AbortController()
      const reason = new Error('the caller left')
      const request = chat(LONG)
      const before = await engine.generated?.()
      const { error, events } = await failureOf(
        engine.backend.infer(request, { signal: abort.signal }),
        (at) => {
          if (at === CUT_AFTER_CHUNKS) abort.abort(reason)
        },
      )
      expect(error).toBe(reason)
      expect(events.some(({ type }) => type === 'done')).toBe(false)
      await idle()
      const after = await engine.generated?.()
      if (before !== undefined && after !== undefined) expect(after - before).toBeLessThan(LONG)
    })

    it('does not start after the signal has fired', async () => {
      const reason = new Error('too late')
      const { error, events } = await failureOf(
        engine.backend.infer(chat(5), { signal: AbortSignal.abort(reason) }),
      )
      expect(error).toBe(reason)
      expect(events).toEqual([])
    })

    it('rejects an unknown model', async () => {
      const { error } = await failureOf(engine.backend.infer(count('no-such-model', 3)))
      expect(error).toMatchObject({ name: 'InferenceError', code: 'model_not_found' })
    })

    it('rejects a prompt that is too long, with both token counts', async () => {
      const content = 'goose 1 '.repeat(model.contextLength)
      const body = { model: engine.model, messages: [{ role: 'user', content }] }
      const { error } = await failureOf(engine.backend.infer(parseRequest('chat', body)))
      expect(error).toMatchObject({
        code: 'context_too_long',
        details: { contextLength: model.contextLength },
      })
      const { promptTokens } = (error as { details: { promptTokens?: number } }).details
      expect(promptTokens).toBeGreaterThan(model.contextLength)
    })

    it('rejects unsupported fields by name', async () => {
      const { error } = await failureOf(engine.backend.infer(chat(3, { n: 2 })))
      expect(error).toMatchObject({ code: 'capability_unavailable', details: { param: 'n' } })
      if (model.capabilities.includes('tools')) return
      const tools = [{ type: 'function', function: { name: 'look' } }]
      const refused = await failureOf(engine.backend.infer(chat(3, { tools })))
      expect(refused.error).toMatchObject({
        code: 'capability_unavailable',
        details: { param: 'tools' },
      })
    })

    it('answers in JSON that matches a schema', async (context) => {
      if (!model.capabilities.includes('json_schema')) return context.skip('no JSON schema')
      const schema = {
        type: 'object',
        properties: { yes: { type: 'boolean' }, kind: { enum: ['goose', 'duck'] } },
        required: ['yes', 'kind'],
        additionalProperties: false,
      }
      const format = { type: 'json_schema', json_schema: { name: 'bird', schema, strict: true } }
      const { text } = await ask(chat(3, { response_format: format, max_tokens: 100 }))
      const parsed = JSON.parse(text) as { yes: unknown; kind: unknown }
      expect(typeof parsed.yes).toBe('boolean')
      expect(['goose', 'duck']).toContain(parsed.kind)
    })

    it('reports a log probability for every token shown', async (context) => {
      if (!model.capabilities.includes('logprobs')) return context.skip('no logprobs')
      const { events, text } = await ask(chat(9, { logprobs: true, top_logprobs: 2 }))
      const tokens = events.flatMap((event) => {
        if (event.type !== 'chunk' || !('choices' in event.json)) return []
        return event.json.choices.flatMap(({ logprobs }) =>
          logprobs && 'content' in logprobs ? (logprobs.content ?? []) : [],
        )
      })
      expect(tokens.map(({ token }) => token).join('')).toContain(text)
      for (const { logprob } of tokens) expect(logprob).toBeLessThanOrEqual(0)
    })

    it('reports the id of every token, once and in order', async (context) => {
      if (!model.capabilities.includes('token_ids')) return context.skip('no token ids')
      for (const extra of [{}, { stop: ', 11' }, { max_tokens: 7 }]) {
        const { events, done } = await ask(chat(15, extra))
        expect(idsOf(events)).toHaveLength(done.usage.completionTokens)
      }
    })

    it('rates its own answer as likely, and a changed one as not', async (context) => {
      if (!model.capabilities.includes('score')) return context.skip('no scores')
      const request = chat(12)
      const { events, text } = await ask(request)
      const completion = idsOf(events)
      const rate = async (ids: readonly number[]): Promise<ScoreResponse> => {
        const { kind, body } = request
        const score = { model: engine.model, request: { kind, body }, completion: ids }
        const rated = await Array.fromAsync(engine.backend.infer(parseRequest('score', score)))
        const [response] = rated.flatMap((event) =>
          event.type === 'chunk' && 'scores' in event.json ? [event.json] : [],
        )
        if (response === undefined) throw new Error('it rated nothing')
        return response
      }
      const own = await rate(completion)
      expect(own.scores.map(({ position, id }) => [position, id])).toEqual([
        ...completion.entries(),
      ])
      expect(own.scores.filter(({ id, top }) => top[0]?.id !== id)).toEqual([])
      // vLLM includes control tokens; the comparison ignores them.
      expect(own.text?.replace(/<\|[^|]*\|>$/, '').trim()).toBe(text.trim())
      // If the ids include the end token, there is no end to rate.
      if (own.end !== undefined) expect(own.end.logprob).toBeGreaterThan(-0.1)
      const half = await rate(completion.slice(0, completion.length / 2))
      expect(text.startsWith(half.text?.trim() ?? '?')).toBe(true)
      if (half.end !== undefined) {
        const [next] = half.end.top
        expect(next?.logprob).toBeGreaterThan((half.end.logprob ?? -99) + 2)
      }
      const other = await rate(completion.toReversed())
      expect(other.scores.filter(({ id, top }) => top[0]?.id !== id).length).toBeGreaterThan(2)
    })

    it('rejects ids outside its vocabulary, naming the field', async (context) => {
      if (!model.capabilities.includes('score')) return context.skip('no scores')
      const { kind, body } = chat(12)
      const completion = idsOf((await ask(chat(12))).events)
      const none = [...completion.slice(0, 4), 4_294_967_295, ...completion.slice(4)]
      const score = { model: engine.model, request: { kind, body }, completion: none }
      const rating = Array.fromAsync(engine.backend.infer(parseRequest('score', score)))
      await expect(rating).rejects.toMatchObject({
        code: 'invalid_request',
        details: { param: 'completion' },
      })
    })

    it('resumes exactly from any token', async (context) => {
      if (model.resume !== 'tokens') return context.skip('no exact resume')
      const request = chat(25, { stop: ', 24' })
      const whole = await ask(request)
      for (const cut of [1, 2, 9, 20, 33]) {
        const before = whole.events.slice(0, cut)
        const text = textOf(before)
        const resume = { tokenIds: idsOf(before), text, deliveredBytes: Buffer.byteLength(text) }
        const rest = await collect(engine.backend.infer(request, { resume }))
        expect(text + rest.text).toBe(whole.text)
        expect([...resume.tokenIds, ...idsOf(rest.events)]).toEqual(idsOf(whole.events))
      }
    })

    it('fails with not_resumable if it cannot resume', async (context) => {
      if (model.resume !== 'none') return context.skip('it can')
      const resume = { tokenIds: [], text: '1, 2', deliveredBytes: 4 }
      const { error } = await failureOf(engine.backend.infer(chat(5), { resume }))
      expect(error).toMatchObject({ code: 'not_resumable' })
    })

    it('keeps parallel answers apart', async () => {
      const sizes = [5, 11, 17, 23, 8, 14]
      const answers = await Promise.all(sizes.map((size) => ask(chat(size))))
      expect(answers.map(({ text }) => text)).toEqual(sizes.map(numbersTo))
      await idle()
    })

    it(
      'fails typed when the engine dies in mid-answer',
      async () => {
        await using doomed = await start()
        await doomed.backend.models()
        const { error, events } = await failureOf(
          doomed.backend.infer(count(doomed.model, LONG)),
          async (at) => {
            if (at === CUT_AFTER_CHUNKS) await doomed.kill()
          },
        )
        expect(error).toMatchObject({ name: 'InferenceError', code: 'engine_failed' })
        expect(events.some(({ type }) => type === 'done')).toBe(false)
        expect((error as Error).message.length).toBeLessThan(LIMITS.maxMessageLength)
      },
      startMs,
    )
  })
}
