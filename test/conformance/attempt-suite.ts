import { describe, expect, it } from 'vitest'
import type { AttemptEvent, AttemptInit } from '../../client/attempt/index.ts'
import { encodeRequest, REQUEST_LIMITS } from '../../client/request/index.ts'
import { type AnswerRequest, type ErrorCode, InferenceError } from '../../protocol/index.ts'
import { VirtualClock } from '../../testing/index.ts'

/** Script of an answer. Each piece is one word; `hang` stops until the consumer leaves. */
export interface AttemptScript {
  readonly words: readonly string[]
  readonly finally: 'done' | 'hang' | 'break' | 'fail' | 'end'
}

type Attempt = (
  init: Omit<AttemptInit, 'peerId'>,
  options: { readonly signal: AbortSignal },
) => AsyncGenerator<readonly AttemptEvent[], void, void>

export interface SourceUnderTest {
  /** Attempts whose writer follows the script, timed by the clock. */
  create(script: AttemptScript, clock: VirtualClock): Promise<Attempt>
  /** Resolves once the writer of the newest attempt has stopped. */
  stopped(): Promise<void>
  /** Error code of a connection that breaks mid-answer. */
  readonly breaks: ErrorCode
}

export const REQUEST: AnswerRequest = {
  kind: 'chat',
  body: { model: 'm', messages: [{ role: 'user', content: 'Count.' }] },
}
const TIMEOUTS = { silenceTimeoutMs: 8_000, ttftTimeoutMs: 30_000, itlTimeoutMs: 10_000 }
const INIT: Omit<AttemptInit, 'peerId'> = {
  request: encodeRequest(REQUEST),
  limits: { ...REQUEST_LIMITS, ...TIMEOUTS },
  remainingMs: () => 120_000,
}

/** The contract of every `AttemptSource`. */
export function attemptSuite(name: string, source: SourceUnderTest): void {
  const open = async (script: AttemptScript, controller = new AbortController()) => {
    const clock = new VirtualClock()
    const attempt = await source.create(script, clock)
    return { clock, controller, events: attempt(INIT, { signal: controller.signal }) }
  }
  const read = async (
    events: AsyncIterable<readonly AttemptEvent[]>,
    seen: AttemptEvent[],
  ): Promise<void> => {
    for await (const together of events) {
      expect(together.length).toBeGreaterThan(0)
      seen.push(...together)
    }
  }
  const failureOf = async (script: AttemptScript) => {
    const { clock, events } = await open(script)
    const seen: AttemptEvent[] = []
    const failed = clock.until(read(events, seen)).catch((error: unknown) => error)
    return { error: (await failed) as InferenceError, seen, clock }
  }

  describe(`${name}, as a source of attempts`, () => {
    it('yields accepted once, then the pieces, then done, and ends', async () => {
      const { clock, events } = await open({ words: ['one', ' two'], finally: 'done' })
      const seen: AttemptEvent[] = []
      await clock.until(read(events, seen))
      expect(seen.map(({ type }) => type).filter((type) => type !== 'chunk')).toEqual([
        'accepted',
        'done',
      ])
      expect(seen[0]?.type).toBe('accepted')
      expect(textOf(seen)).toBe('one two')
    })

    it('fails with truncated if the end is missing', async () => {
      const { error, seen } = await failureOf({ words: ['one'], finally: 'end' })
      expect([error.code, textOf(seen)]).toEqual(['truncated', 'one'])
    })

    it('fails after the received pieces if the connection breaks', async () => {
      const { error, seen } = await failureOf({ words: ['one'], finally: 'break' })
      expect([error.code, textOf(seen)]).toEqual([source.breaks, 'one'])
    })

    it('passes on the failure of the writer', async () => {
      const { error } = await failureOf({ words: [], finally: 'fail' })
      expect(error).toBeInstanceOf(InferenceError)
      expect(error.code).toBe('over_capacity')
    })

    it('stalls before the first piece', async () => {
      const { error, clock } = await failureOf({ words: [], finally: 'hang' })
      expect(error.code).toBe('stalled')
      expect(clock.now()).toBeGreaterThanOrEqual(TIMEOUTS.silenceTimeoutMs)
    })

    it('stalls between pieces', async () => {
      const { error, clock } = await failureOf({ words: ['one'], finally: 'hang' })
      expect(error.code).toBe('stalled')
      expect(clock.now()).toBeGreaterThanOrEqual(TIMEOUTS.itlTimeoutMs)
    })

    it('does not count time that the consumer takes', async () => {
      const { clock, events } = await open({ words: ['one', ' two', ' three'], finally: 'done' })
      const seen: AttemptEvent[] = []
      const slow = async (): Promise<void> => {
        for await (const together of events) {
          seen.push(...together)
          await new Promise<void>((resolve) => clock.after(60_000, resolve))
        }
      }
      await clock.until(slow())
      expect(textOf(seen)).toBe('one two three')
    })

    it('throws the reason of its signal, and stops the writer', async () => {
      const { clock, controller, events } = await open({ words: ['one'], finally: 'hang' })
      const reason = new Error('the caller left')
      const reading = (async () => {
        for await (const together of events) {
          if (together.some(({ type }) => type === 'chunk')) controller.abort(reason)
        }
      })()
      await expect(clock.until(reading)).rejects.toBe(reason)
      await source.stopped()
    })

    it('sends no request if its signal has fired already', async () => {
      const controller = new AbortController()
      controller.abort(new Error('too late'))
      const { events } = await open({ words: ['one'], finally: 'done' }, controller)
      await expect(events.next()).rejects.toThrow('too late')
    })

    it('stops the writer when the consumer leaves early', async () => {
      const { clock, events } = await open({ words: ['one'], finally: 'hang' })
      const reading = (async () => {
        for await (const together of events) {
          if (together.some((event) => event.type === 'chunk' && event.visible)) break
        }
      })()
      await clock.until(reading)
      await source.stopped()
    })
  })
}

function textOf(events: readonly AttemptEvent[]): string {
  return events
    .map((event) =>
      event.type === 'chunk' && event.chunk.kind === 'chat'
        ? (event.chunk.choices[0]?.delta.content ?? '')
        : '',
    )
    .join('')
}
