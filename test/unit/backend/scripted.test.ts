import { describe, expect, it } from 'vitest'
import {
  type BackendEvent,
  createScriptedBackend,
  decodeTokens,
  encodeTokens,
} from '../../../backend/index.ts'
import { InferenceError, parseRequest } from '../../../protocol/index.ts'
import { VirtualClock } from '../../../testing/index.ts'

const count = (to: number, extra: object = {}) =>
  parseRequest('chat', {
    model: 'scripted',
    messages: [{ role: 'user', content: `Count from 1 to ${to}.` }],
    ...extra,
  })

function textOf(events: readonly BackendEvent[]): string {
  return events
    .map((event) => {
      if (event.type !== 'chunk' || !('choices' in event.json)) return ''
      const choice = event.json.choices[0]
      return choice === undefined
        ? ''
        : 'text' in choice
          ? choice.text
          : (choice.delta.content ?? '')
    })
    .join('')
}

const idsOf = (events: readonly BackendEvent[]) =>
  events.flatMap((event) => (event.type === 'chunk' ? event.tokenIds : []))

async function untilError(events: AsyncIterable<BackendEvent>) {
  const seen: BackendEvent[] = []
  try {
    for await (const event of events) seen.push(event)
  } catch (error) {
    return { seen, error }
  }
  return { seen, error: undefined }
}

describe('tokens', () => {
  it('give back the text they were made from', () => {
    for (const text of ['1, 2, 3.', '007 and 1234567', ' 12  13', 'é🪿\n', '']) {
      expect(decodeTokens(encodeTokens(text))).toBe(text)
    }
  })
})

describe('createScriptedBackend', () => {
  it('counts token by token', async () => {
    const events = await Array.fromAsync(createScriptedBackend().infer(count(5)))
    expect(textOf(events)).toBe('1, 2, 3, 4, 5.')
    expect(decodeTokens(idsOf(events))).toBe('1, 2, 3, 4, 5.')
    expect(events.at(-1)).toMatchObject({ type: 'done', usage: { completionTokens: 10 } })
  })

  it('resumes from every token with the same answer, including a stop string across the seam', async () => {
    const request = count(30, { stop: ', 21' })
    const whole = await Array.fromAsync(createScriptedBackend().infer(request))
    expect(textOf(whole).endsWith('20')).toBe(true)
    for (let cut = 1; cut < whole.length - 2; cut++) {
      const seen = whole.slice(0, cut)
      const text = textOf(seen)
      const resume = {
        tokenIds: idsOf(seen),
        text,
        deliveredBytes: Buffer.byteLength(text),
      }
      const rest = await Array.fromAsync(createScriptedBackend().infer(request, { resume }))
      expect(text + textOf(rest)).toBe(textOf(whole))
    }
  })

  it('stalls as scripted, until the signal fires', async () => {
    const backend = createScriptedBackend({
      script: () => ({ fault: { type: 'stall', afterTokens: 3 } }),
    })
    const abort = new AbortController()
    const reason = new Error('enough')
    const events = backend.infer(count(9), { signal: abort.signal })[Symbol.asyncIterator]()
    for (let index = 0; index < 3; index++) await events.next()
    const pending = events.next()
    abort.abort(reason)
    await expect(pending).rejects.toBe(reason)
    expect(backend).toMatchObject({ active: 0, aborted: 1 })
    expect(backend.calls[0]).toMatchObject({ tokens: 3, outcome: 'aborted' })
  })

  it('stops when the consumer leaves', async () => {
    const backend = createScriptedBackend()
    for await (const _ of backend.infer(count(99))) break
    expect(backend).toMatchObject({ active: 0, aborted: 1 })
    expect(backend.calls[0]?.tokens).toBe(1)
  })

  it('throws, truncates and sends garbage as scripted, counting each as failed or done', async () => {
    const error = new InferenceError('over_capacity', 'full')
    const backend = createScriptedBackend({
      script: (_, index) =>
        [
          { fault: { type: 'throw' as const, error, afterTokens: 2 } },
          { fault: { type: 'end' as const, afterTokens: 2 } },
          { fault: { type: 'garbage' as const, afterTokens: 2 } },
        ][index],
    })
    const thrown = await untilError(backend.infer(count(9)))
    expect(thrown.error).toBe(error)
    expect(thrown.seen).toHaveLength(2)
    const ended = await untilError(backend.infer(count(9)))
    expect(ended.error).toBeUndefined()
    expect(ended.seen.some(({ type }) => type === 'done')).toBe(false)
    const garbled = await untilError(backend.infer(count(9)))
    expect(garbled.seen[2]).toHaveProperty('json.garbage')
    expect(backend.calls.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'done'])
  })

  it('fails running requests when killed, and new ones until revived', async () => {
    const backend = createScriptedBackend({
      script: (_, index) => (index === 0 ? { prefillMs: 60_000 } : {}),
    })
    const running = untilError(backend.infer(count(9)))
    await Promise.resolve()
    backend.kill()
    expect((await running).error).toMatchObject({ code: 'engine_failed' })
    expect((await untilError(backend.infer(count(9)))).error).toMatchObject({
      code: 'engine_failed',
    })
    backend.revive()
    expect(textOf(await Array.fromAsync(backend.infer(count(2))))).toBe('1, 2.')
  })

  it('uses the injected clock', async () => {
    const clock = new VirtualClock()
    const backend = createScriptedBackend({ clock, paceMs: 7, script: () => ({ prefillMs: 40 }) })
    const tokensAt: number[] = []
    const reading = (async () => {
      for await (const { type } of backend.infer(count(2))) {
        if (type === 'chunk') tokensAt.push(clock.now())
      }
    })()
    await clock.until(reading)
    expect(tokensAt).toEqual([40, 47, 54, 61, 68])
  })

  it('shuffles an echo by its seed, and only above temperature 0', async () => {
    const ask = async (extra: object) => {
      const body = { model: 'scripted', prompt: 'one two three four five six seven', ...extra }
      return textOf(
        await Array.fromAsync(createScriptedBackend().infer(parseRequest('completion', body))),
      )
    }
    expect(await ask({ temperature: 0 })).toBe('one two three four five six seven')
    const first = await ask({ temperature: 1, seed: 1 })
    expect(await ask({ temperature: 1, seed: 1 })).toBe(first)
    expect(await ask({ temperature: 1, seed: 2 })).not.toBe(first)
  })
})
