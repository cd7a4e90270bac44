import { describe, expect, it } from 'vitest'
import { MemberHealth } from '../../../../client/chain/member-health.ts'
import type { Ask } from '../../../../client/pipeline/ask.ts'
import { type PreparedRequest, prepare } from '../../../../client/pipeline/prepare.ts'
import { recorded } from '../../../../client/pipeline/recorded.ts'
import { remembered } from '../../../../client/pipeline/remembered.ts'
import { resolveSettings } from '../../../../client/pipeline/settings.ts'
import type { AnswerEvent } from '../../../../client/request/answer-event.ts'
import type { Placement } from '../../../../client/request/placement.ts'
import type { RequestEvent } from '../../../../client/request/record.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/index.ts'
import { openScope, type Scope } from '../../../../timing/index.ts'

const piece = (content: string): AnswerEvent => ({
  type: 'chunk',
  peerId: 'p',
  chunk: { kind: 'chat', choices: [{ index: 0, delta: { content }, finish_reason: null }] },
})
const DONE: AnswerEvent = {
  type: 'done',
  peerId: 'p',
  usage: { promptTokens: 1, completionTokens: 1, cachedPromptTokens: 0 },
  timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 },
}
const MODEL: AnswerEvent = { type: 'model', model: 'cloud/big' }

const SOURCES = {
  version: 0,
  aliases: new Map(),
  providers: [],
  swarms: [],
  health: new MemberHealth(),
}

function requestOf(placement?: Placement): PreparedRequest {
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] }
  const options = placement === undefined ? {} : { placement }
  return prepare(
    { kind: 'chat', body, options, restartable: false },
    {
      settings: resolveSettings({}),
      chains: { chainOf: () => ({ members: [], asked: 'fast', body, sources: SOURCES }) },
      attempts: [],
    },
  )
}

/** Notes an attempt, then answers with these events; throws the last one where it is an error. */
function answering(...events: readonly (AnswerEvent | Error)[]): Ask {
  return async function* ({ journal }) {
    journal.begin({ peerId: 'p', reason: 'first' }).end('engine_failed')
    for (const event of events) {
      if (event instanceof Error) throw event
      if (event.type === 'chunk') journal.delivered()
      yield event
    }
  }
}

const inScope = (): Scope => openScope({ timeoutMs: 60_000 }, {})

describe('recorded', () => {
  const clock = new VirtualClock({ wallMs: 1_000_000 })

  it('passes every event on, and writes the record before the consumer gets the end', async () => {
    const records: RequestEvent[] = []
    const request = requestOf()
    const verified: AnswerEvent = {
      type: 'verified',
      verification: { status: 'passed', parts: [] },
    }
    const events = [MODEL, piece('x'), verified, DONE]
    const ask = recorded({
      listeners: [(record) => records.push(record)],
      running: new Set(),
      clock,
    })(answering(...events))
    using scope = inScope()
    const seen: AnswerEvent[] = []
    for await (const event of ask(request, scope)) {
      seen.push(event)
      expect(request.journal.record !== undefined).toBe(event.type === 'done')
    }
    expect(seen).toEqual(events)
    expect(records).toMatchObject([
      {
        model: 'fast',
        outcome: 'answered',
        answeredBy: 'cloud/big',
        verification: { status: 'passed' },
        attempts: [{ peerId: 'p' }],
      },
    ])
    expect(request.journal.record).toBe(records[0])
  })

  it('notifies the placement of the model at once, and of the end', async () => {
    const told: string[] = []
    const request = requestOf({
      onModel: (model) => told.push(model),
      onEnd: ({ outcome }) => told.push(outcome),
    })
    using scope = inScope()
    const ask = recorded({ listeners: [], running: new Set(), clock })(answering(MODEL, DONE))
    for await (const { type } of ask(request, scope)) told.push(type)
    expect(told).toEqual(['cloud/big', 'model', 'answered', 'done'])
  })

  it('names no model for an answer that never began', async () => {
    const request = requestOf()
    using scope = inScope()
    const failure = new InferenceError('engine_failed', 'broken')
    const ask = recorded({ listeners: [], running: new Set(), clock })(answering(MODEL, failure))
    await expect(Array.fromAsync(ask(request, scope))).rejects.toMatchObject({
      code: 'engine_failed',
      details: { attempts: [{ peerId: 'p' }] },
    })
    expect(request.journal.record).toMatchObject({ outcome: 'engine_failed', message: 'broken' })
    expect(request.journal.record?.answeredBy).toBeUndefined()
  })

  it('records `cancelled` once if the consumer leaves', async () => {
    const records: string[] = []
    const request = requestOf()
    const listeners = [({ outcome }: RequestEvent) => records.push(outcome)]
    using scope = inScope()
    const ask = recorded({ listeners, running: new Set(), clock })(
      answering(MODEL, piece('x'), piece('y'), DONE),
    )
    for await (const event of ask(request, scope)) if (event.type === 'chunk') break
    expect(records).toEqual(['cancelled'])
  })

  it('records `answered` whatever follows the end', async () => {
    const records: string[] = []
    const listeners = [({ outcome }: RequestEvent) => records.push(outcome)]
    using scope = inScope()
    const late = new InferenceError('stream_reset', 'late')
    const ask = recorded({ listeners, running: new Set(), clock })(answering(DONE, late))
    await expect(Array.fromAsync(ask(requestOf(), scope))).rejects.toThrow('late')
    expect(records).toEqual(['answered'])
  })
})

describe('remembered', () => {
  const broken = new InferenceError('engine_failed', 'broken')

  async function failTimes(ask: Ask, times: number, placement?: Placement): Promise<boolean[]> {
    const fromMemory: boolean[] = []
    for (let time = 0; time < times; time += 1) {
      const request = requestOf(placement)
      using scope = inScope()
      await Array.fromAsync(ask(request, scope)).catch(() => {})
      fromMemory.push(request.journal.remembered)
    }
    return fromMemory
  }

  it('answers the fourth failure from memory, and asks again later', async () => {
    const clock = new VirtualClock()
    const ask = remembered({ clock })(answering(broken))
    expect(await failTimes(ask, 4)).toEqual([false, false, false, true])
    await clock.advance(2_000)
    expect(await failTimes(ask, 1)).toEqual([false])
  })

  it('forgets a request that was answered', async () => {
    let fails: boolean = true
    const ask = remembered({ clock: new VirtualClock() })((request, scope) =>
      (fails ? answering(broken) : answering(DONE))(request, scope),
    )
    await failTimes(ask, 2)
    fails = false
    await failTimes(ask, 1)
    fails = true
    expect(await failTimes(ask, 4)).toEqual([false, false, false, true])
  })

  it('does not remember parts that may go to some peers only', async () => {
    const ask = remembered({ clock: new VirtualClock() })(answering(broken))
    expect(await failTimes(ask, 5, { narrow: (all) => all })).not.toContain(true)
    expect(await failTimes(ask, 1)).toEqual([false])
  })

  it('does not remember failures without an attempt', async () => {
    const ask = remembered({ clock: new VirtualClock() })(async function* () {
      yield* []
      throw broken
    })
    expect(await failTimes(ask, 5)).not.toContain(true)
  })
})
