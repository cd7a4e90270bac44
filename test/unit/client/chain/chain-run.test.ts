import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ChainInit, runChain } from '../../../../client/chain/chain-run.ts'
import type { Member, NamedMember } from '../../../../client/chain/member.ts'
import { MemberHealth } from '../../../../client/chain/member-health.ts'
import type { AnswerChunk } from '../../../../client/request/answer-chunk.ts'
import type { AnswerEvent } from '../../../../client/request/answer-event.ts'
import type { DeliveredChunk } from '../../../../client/request/job.ts'
import { Journal } from '../../../../client/request/journal.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { openScope, type Scope, systemClock } from '../../../../timing/index.ts'

const network = (model: string): NamedMember => ({ type: 'network', model })

const role: AnswerChunk = {
  kind: 'chat',
  choices: [{ index: 0, delta: {}, finish_reason: null }],
}
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

/** What a member does: its pieces, then what comes after them. */
interface Part {
  readonly says?: readonly string[]
  readonly end: 'done' | 'fail' | 'hang'
}

/** A chain of scripted members, and what happened to each. */
class Stage {
  readonly opened: string[] = []
  readonly closed: string[] = []
  readonly resumed: string[] = []
  readonly health = new MemberHealth()
  readonly #parts: Readonly<Record<string, Part>>
  readonly #init: Partial<ChainInit>

  constructor(parts: Readonly<Record<string, Part>>, init: Partial<ChainInit> = {}) {
    this.#parts = parts
    this.#init = init
  }

  run(members: readonly Member[], scope: Scope): AsyncGenerator<AnswerEvent> {
    return runChain(
      {
        members,
        health: this.health,
        journal: new Journal(1, []),
        restartable: false,
        switchModels: 'before-answer',
        patienceMs: 10_000,
        open: (member, part, inner) => this.#play(member, part.delivered, inner),
        find: async () => [],
        continues: () => false,
        clock: systemClock,
        random: () => 0.5,
        ...this.#init,
      },
      scope,
    )
  }

  async *#play(
    { model }: NamedMember,
    delivered: readonly DeliveredChunk[] | undefined,
    { signal }: Scope,
  ): AsyncGenerator<AnswerEvent> {
    this.opened.push(model)
    if (delivered !== undefined) this.resumed.push(model)
    const { says = [], end } = this.#parts[model] ?? { end: 'fail' }
    try {
      yield { type: 'chunk', peerId: 'p', chunk: role }
      for (const text of says) yield piece(text)
      if (end === 'fail') throw new InferenceError('engine_failed', `${model} failed`)
      if (end === 'hang') {
        const fired = Promise.withResolvers<never>()
        signal.addEventListener('abort', () => fired.reject(signal.reason), { once: true })
        signal.throwIfAborted()
        await fired.promise
      }
      yield DONE
    } finally {
      this.closed.push(model)
    }
  }
}

async function read(
  events: AsyncIterable<AnswerEvent>,
): Promise<{ readonly text: string; readonly error?: unknown }> {
  let text = ''
  try {
    for await (const event of events) {
      if (event.type === 'restart') text = ''
      if (event.type === 'chunk' && event.chunk.kind === 'chat') {
        text += event.chunk.choices[0]?.delta.content ?? ''
      }
    }
    return { text }
  } catch (error) {
    return { text, error }
  }
}

const inScope = (): Scope & Disposable => openScope({ timeoutMs: 20_000 }, {})

describe('runChain', () => {
  it('returns the first answer, whichever members fail before, and asks no member twice', async () => {
    const part = fc.record({
      says: fc.constantFrom([], ['x']),
      end: fc.constantFrom('done' as const, 'fail' as const),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 6 }), async (parts) => {
        const named = Object.fromEntries(parts.map((each, at) => [`m${at}`, each]))
        const stage = new Stage(named, { restartable: true })
        using scope = inScope()
        const { text, error } = await read(stage.run(Object.keys(named).map(network), scope))
        const first = parts.findIndex(({ end }) => end === 'done')
        expect(error === undefined).toBe(first >= 0)
        if (first >= 0) expect(text).toBe(parts[first]?.says.join(''))
        const asked = first < 0 ? parts.length : first + 1
        expect(stage.opened).toEqual(Object.keys(named).slice(0, asked))
        expect(stage.closed.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(stage.opened)
      }),
    )
  })

  it('emits the model before its answer, and again when another one takes over', async () => {
    const parts = { a: { says: ['x'], end: 'fail' }, b: { says: ['y'], end: 'done' } } as const
    const stage = new Stage(parts, { restartable: true })
    using scope = inScope()
    const named: string[] = []
    for await (const event of stage.run(['a', 'b'].map(network), scope)) {
      if (event.type === 'model') named.push(event.model)
      else if (event.type !== 'chunk') named.push(event.type)
    }
    expect(named).toEqual(['a', 'restart', 'b', 'done'])
  })

  it('cancels every member when the consumer leaves while several are asked', async () => {
    const stage = new Stage(
      { a: { end: 'hang' }, b: { end: 'hang' }, c: { says: ['x', 'y'], end: 'hang' } },
      { patienceMs: 5 },
    )
    using scope = inScope()
    for await (const event of stage.run(['a', 'b', 'c'].map(network), scope)) {
      if (event.type === 'chunk' && event.chunk !== role) break
    }
    expect(new Set(stage.closed)).toEqual(new Set(['a', 'b', 'c']))
  })

  it('cancels every member when its scope ends, and throws the reason', async () => {
    const stage = new Stage({ a: { end: 'hang' }, b: { end: 'hang' } }, { patienceMs: 5 })
    using scope = inScope()
    const reading = read(stage.run(['a', 'b'].map(network), scope))
    await expect.poll(() => stage.opened, { timeout: 10_000 }).toEqual(['a', 'b'])
    const reason = new Error('enough')
    scope.abort(reason)
    expect((await reading).error).toBe(reason)
    expect(new Set(stage.closed)).toEqual(new Set(['a', 'b']))
  })

  it('releases a member on trial, however the trial ends', async () => {
    const stage = new Stage({ a: { end: 'hang' } })
    stage.health.failed('network/a', {}, -1e9, 0.5)
    using scope = inScope()
    const reading = read(stage.run([network('a')], scope))
    await expect.poll(() => stage.opened, { timeout: 10_000 }).toEqual(['a'])
    const both = ['network/a', 'network/b']
    const order = (): readonly string[] => stage.health.order(both, (key) => key, performance.now())
    expect(order()).toEqual(['network/b', 'network/a'])
    scope.abort(new Error('enough'))
    await reading
    expect(order()).toEqual(both)
  })

  it('notices a member that begins while auto is being resolved', async () => {
    const looking = Promise.withResolvers<readonly NamedMember[]>()
    const asked = Promise.withResolvers<void>()
    const find: ChainInit['find'] = async () => {
      asked.resolve()
      return await looking.promise
    }
    const late = Promise.withResolvers<void>()
    const open: ChainInit['open'] = async function* () {
      await late.promise
      yield piece('late')
      yield DONE
    }
    const stage = new Stage({}, { patienceMs: 5, open, find })
    using scope = inScope()
    const reading = read(stage.run([network('a'), { type: 'auto' }], scope))
    await asked.promise
    late.resolve()
    expect(await reading).toEqual({ text: 'late' })
    // Resolving auto now has no effect.
    looking.resolve([network('b')])
  })

  it('resolves auto once, without models that were already named', async () => {
    const find = async (): Promise<readonly NamedMember[]> => ['a', 'c'].map(network)
    const stage = new Stage({ c: { says: ['x'], end: 'done' } }, { find })
    using scope = inScope()
    expect(await read(stage.run([network('a'), { type: 'auto' }], scope))).toEqual({ text: 'x' })
    expect(stage.opened).toEqual(['a', 'c'])
  })

  it('continues mid-answer with network models only, and only if allowed', async () => {
    const parts = {
      a: { says: ['1'], end: 'fail' },
      cloud: { says: ['no'], end: 'done' },
      b: { says: ['2'], end: 'done' },
    } as const
    const members: Member[] = [
      network('a'),
      { type: 'provider', provider: 'x', model: 'cloud', label: 'x/cloud' },
      network('b'),
    ]
    using scope = inScope()
    const strict = new Stage(parts)
    expect(await read(strict.run(members, scope))).toMatchObject({
      text: '1',
      error: { code: 'engine_failed' },
    })
    const loose = new Stage(parts, { switchModels: 'mid-answer' })
    expect(await read(loose.run(members, scope))).toEqual({ text: '12' })
    expect(loose.resumed).toEqual(['b'])
  })

  it.each([
    ['a plain name', { type: 'plain', model: 'm' }],
    ['auto', { type: 'auto', swarm: 'work' }],
    ['a name', { type: 'network', model: 'm', swarm: 'work' }],
  ] as const)('gives the other swarm what the caller has of %s', async (_, first) => {
    const parts: { swarm?: string | undefined; delivered?: number; isExact: boolean }[] = []
    const stage = new Stage(
      {},
      {
        find: async () => [{ type: 'network', model: 'm', swarm: 'work' }],
        open: async function* (member, { delivered, isExact }) {
          const swarm = member.type === 'network' ? member.swarm : undefined
          parts.push({ swarm, isExact, ...(delivered && { delivered: delivered.length }) })
          yield piece(swarm === 'work' ? 'The answer ' : 'goes on.')
          if (swarm === 'work') throw new InferenceError('stream_reset', 'lost')
          yield DONE
        },
      },
    )
    using scope = inScope()
    const members = [first, { type: 'network', model: 'm', swarm: 'home' }] as const
    expect(await read(stage.run(members, scope))).toEqual({ text: 'The answer goes on.' })
    expect(parts).toEqual([
      { swarm: 'work', isExact: false },
      { swarm: 'home', isExact: true, delivered: 1 },
    ])
  })
})
