import { describe, expect, it } from 'vitest'
import type { RequestEvent } from '../../../../client/index.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'

const chat = { model: 'm', messages: [{ role: 'user', content: 'Count.' }] } as const
const exact = { ...chat, temperature: 0 } as const
const COUNT = 'one two three four five six'
const dies = { type: 'throw', error: new InferenceError('engine_failed', 'died') } as const

/** Reads a stream; `text` is everything before its end or its error. */
async function read(
  { swarm }: ScriptedSwarm,
  body: object = chat,
  options: Parameters<typeof swarm.requester.streamChat>[1] = {},
): Promise<{ text: string; event: RequestEvent; error?: InferenceError; peers: string[] }> {
  const answer = swarm.requester.streamChat(body, options)
  let text = ''
  const peers: string[] = []
  let error: InferenceError | undefined
  try {
    for await (const { choices, skein } of answer) {
      text += choices[0]?.delta.content ?? ''
      if (peers.at(-1) !== skein.peerId) peers.push(skein.peerId)
    }
  } catch (thrown) {
    error = thrown as InferenceError
  }
  const { event } = answer
  if (event === undefined) throw new Error('no event after the end')
  return { text, event, peers, ...(error !== undefined && { error }) }
}

const keys = ({ peers }: ScriptedSwarm): string[] => peers.map(({ key }) => key)

describe('hedge', () => {
  it('asks a second peer if the first is slow to begin, and stops the slower one', async () => {
    await using swarm = await ScriptedSwarm.create([
      { scripts: [{ gate: new Promise(() => {}) }] },
      { scripts: [{ answer: COUNT }] },
    ])
    const { text, event, peers } = await read(swarm)
    expect([text, peers]).toEqual([COUNT, [keys(swarm)[1]]])
    expect(event.attempts).toMatchObject([
      { reason: 'first', outcome: 'superseded', tokens: 0 },
      { reason: 'hedge', outcome: 'answered' },
    ])
    expect(event.cost).toMatchObject({ attempts: 1, completionTokens: 0, estimated: true })
    await swarm.peers[0]?.engine.idle()
    expect(swarm.peers[0]?.engine.aborted).toBe(1)
  })

  it('is not made under the policy single', async () => {
    await using swarm = await ScriptedSwarm.create([
      { scripts: [{ prefillMs: 800, answer: COUNT }] },
      {},
    ])
    const { text, event } = await read(swarm, chat, { policy: 'single' })
    expect([text, event.attempts.length]).toEqual([COUNT, 1])
  })

  it('is not made without budget, which is charged only if there is a peer to ask', async () => {
    const asked: string[] = []
    const budget = {
      balance: 0,
      take: () => {
        asked.push('take')
        return false
      },
      succeeded: () => {},
    }
    const reserve = {
      balance: 0,
      acquire: async () => ({ succeeded: () => {}, failed: () => {} }),
      answered: () => {},
    }
    const slow = { prefillMs: 600, answer: COUNT }
    await using two = await ScriptedSwarm.create([{ scripts: [slow] }, {}], {
      budgets: { budget, reserve },
    })
    expect((await read(two)).event.attempts).toHaveLength(1)
    expect(asked).toEqual(['take'])
    await using one = await ScriptedSwarm.create([{ scripts: [slow] }], {
      budgets: { budget, reserve },
    })
    expect((await read(one)).text).toBe(COUNT)
    expect(asked).toEqual(['take'])
  })
})

describe('a peer that is late in mid-answer', () => {
  it('is joined by another at no expense of the reserve, whichever of them goes on', async () => {
    for (const prefillMs of [600_000, 0]) {
      const ends: string[] = []
      const lease = () => {
        let isOpen = true
        const end = (how: string) => () => {
          if (isOpen) ends.push(how)
          isOpen = false
        }
        return { succeeded: end('returned'), failed: end('lost') }
      }
      const reserve = { balance: 20, acquire: async () => lease(), answered: () => {} }
      const budget = { balance: 0, take: () => false, succeeded: () => {} }
      await using swarm = await ScriptedSwarm.create(
        [
          { scripts: [{ answer: 'one', paceMs: 2_500 }] },
          { scriptOf: () => ({ answer: 'one', prefillMs }) },
        ],
        { budgets: { budget, reserve } },
      )
      const { text, event } = await read(swarm)
      const joined = event.attempts.filter(({ reason }) => reason === 'stall')
      expect([text, joined.length > 0]).toEqual(['one', true])
      expect(new Set(event.attempts.map(({ reason }) => reason))).toEqual(
        new Set(['first', 'stall']),
      )
      expect(ends).toEqual(joined.map(() => 'returned'))
    }
  })
})

describe('race', () => {
  it('asks several peers at once, and only the first to begin continues', async () => {
    await using swarm = await ScriptedSwarm.create([
      { scripts: [{ gate: new Promise(() => {}) }] },
      { scripts: [{ gate: new Promise(() => {}) }] },
      { scripts: [{ answer: COUNT }] },
    ])
    const { text, event, peers } = await read(swarm, chat, { policy: 'race:3' })
    expect([text, peers]).toEqual([COUNT, [keys(swarm)[2]]])
    const of = <K extends 'outcome' | 'reason'>(key: K) => event.attempts.map((a) => a[key]).sort()
    expect(of('reason')).toEqual(['first', 'race', 'race'])
    expect(of('outcome')).toEqual(['answered', 'superseded', 'superseded'])
    await Promise.all(swarm.peers.map(({ engine }) => engine.idle()))
  })

  it('runs with fewer peers if there are no more', async () => {
    await using swarm = await ScriptedSwarm.create([{ scripts: [{ answer: COUNT }] }])
    expect((await read(swarm, chat, { policy: 'race:3' })).text).toBe(COUNT)
  })
})

describe('quorum', () => {
  const answer = (text: string) => ({ scripts: [{ answer: text }] })

  it('delivers the answer of enough peers, and reports how many agreed', async () => {
    await using swarm = await ScriptedSwarm.create([answer(COUNT), answer(COUNT), {}])
    const { text, event } = await read(swarm, exact, { policy: 'quorum:2-of-3' })
    expect(text).toBe(COUNT)
    expect(event.agreement).toEqual({ answers: 2, agreeing: 2, tolerated: false })
    expect(swarm.peers[2]?.streams).toHaveLength(0)
    expect(event.cost.completionTokens).toBeGreaterThan(0)
  })

  it('asks a third peer if two differ, and delivers the answer of the majority', async () => {
    await using swarm = await ScriptedSwarm.create([
      ...[answer('six seven'), answer(COUNT), answer(COUNT)],
    ])
    const whole = await swarm.swarm.requester.chat(exact, { policy: 'quorum:2-of-3' })
    expect(whole.choices[0]?.message.content).toBe(COUNT)
    expect(whole.skein.agreement).toMatchObject({ answers: 3, agreeing: 2 })
  })

  it('shows nothing if too few agree, and fails with its own code', async () => {
    await using swarm = await ScriptedSwarm.create(['a b', 'c d', 'e f'].map(answer))
    const { text, error } = await read(swarm, exact, { policy: 'quorum:2-of-3' })
    expect([text, error?.code]).toEqual(['', 'quorum_not_reached'])
    expect(error?.details.attempts).toHaveLength(3)
  })

  it('replaces a peer that fails', async () => {
    await using swarm = await ScriptedSwarm.create([
      { scripts: [{ fault: { ...dies, afterTokens: 2 } }] },
      answer(COUNT),
      answer(COUNT),
    ])
    expect((await read(swarm, exact, { policy: 'quorum:2-of-2' })).text).toBe(COUNT)
  })

  it('cannot be reached with a single peer', async () => {
    await using swarm = await ScriptedSwarm.create([answer(COUNT)])
    const { error } = await read(swarm, exact, { policy: 'quorum:2-of-2' })
    expect(error?.code).toBe('quorum_not_reached')
  })

  it('asks peers of different operators if there are any', async () => {
    const of = (operator: string) => ({ ...answer(COUNT), advertisement: { operator } })
    await using swarm = await ScriptedSwarm.create([of('acme'), of('acme'), of('other')])
    await read(swarm, exact, { policy: 'quorum:2-of-2' })
    expect(swarm.peers.map(({ streams }) => streams.length)).toEqual([1, 0, 1])
  })

  it('asks peers of different operators whatever the random draw', async () => {
    const of = (operator: string) => ({ ...answer(COUNT), advertisement: { operator } })
    // Two of three are drawn for each attempt: the first and the second for one, the second and the third for the next.
    const draws = [0, 0, 0, 0.4]
    await using swarm = await ScriptedSwarm.create([of('acme'), of('acme'), of('other')], {
      random: () => draws.shift() ?? 0,
    })
    await read(swarm, exact, { policy: 'quorum:2-of-2' })
    expect(swarm.peers.map(({ streams }) => streams.length)).toEqual([1, 0, 1])
  })

  it('is refused for a request that is not deterministic, before any peer is asked', async () => {
    await using swarm = await ScriptedSwarm.create([{}, {}])
    await expect(
      swarm.swarm.requester.chat({ ...chat, temperature: 1 }, { policy: 'quorum:2-of-2' }),
    ).rejects.toMatchObject({ code: 'invalid_request', details: { param: 'policy' } })
  })
})

describe('a resume in mid-answer', () => {
  const breaks = { answer: COUNT, fault: { ...dies, afterTokens: 3 } } as const
  const other = { digest: `sha256:${'6'.repeat(64)}` }

  it('prefers the same weights, and is then exact', async () => {
    await using swarm = await ScriptedSwarm.create([
      ...[{ scripts: [breaks] }, { scripts: [{ answer: COUNT }], model: other }],
      { scripts: [{ answer: COUNT }] },
    ])
    const { text, event, peers } = await read(swarm)
    expect([text, peers]).toEqual([COUNT, [keys(swarm)[0], keys(swarm)[2]]])
    expect(event).toMatchObject({ outcome: 'answered', resumes: 1, exact: true })
    const resume = swarm.peers[2]?.engine.calls[0]?.resume
    expect(resume?.tokenIds).toHaveLength(3)
    expect(event.usage?.completionTokens).toBe(event.attempts.reduce((n, a) => n + a.tokens, 0))
  })

  it('uses the text at the same model if no peer has the weights, and reports that', async () => {
    await using swarm = await ScriptedSwarm.create([
      ...[{ scripts: [breaks] }, { scripts: [{ answer: COUNT }], model: other }],
    ])
    const { text, event } = await read(swarm)
    expect([text, event.exact, event.resumes]).toEqual([COUNT, false, 1])
    expect(swarm.peers[1]?.engine.calls[0]?.resume?.tokenIds).toEqual([])
    await using strict = await ScriptedSwarm.create([
      ...[{ scripts: [breaks] }, { scripts: [{ answer: COUNT }], model: other }],
    ])
    // Only the peer that broke off has the weights.
    const again = await read(strict, chat, { resume: 'exact' })
    expect([again.event.exact, again.peers]).toEqual([true, [keys(strict)[0]]])
    expect(strict.peers[1]?.streams).toHaveLength(0)
  })

  it('is not made if the caller does not want it', async () => {
    await using swarm = await ScriptedSwarm.create([{ scripts: [breaks] }, {}])
    const { error } = await read(swarm, chat, { resume: 'off' })
    expect(error).toMatchObject({ code: 'not_resumable' })
    expect(swarm.peers[1]?.streams).toHaveLength(0)
  })

  it.each([
    ['reasoning', { reasoning: 'hm', answer: COUNT }, {}],
    ['tools', { answer: COUNT }, { tools: [{ type: 'function', function: { name: 'f' } }] }],
    ['json', { answer: '{"a": 1}' }, { response_format: { type: 'json_object' } }],
  ])('is impossible if no peer resumes an answer with %s', async (form, script, more) => {
    const broken = { ...script, fault: { type: 'end', afterTokens: 3 } } as const
    const model = { capabilities: ['chat', 'tools', 'json_schema', 'token_ids'] } as const
    await using swarm = await ScriptedSwarm.create([{ scripts: [broken], model }, { model }])
    const { error } = await read(swarm, { ...chat, ...more })
    expect(error).toMatchObject({ code: 'not_resumable' })
    expect(error?.message).toContain(form)
    expect(swarm.peers[1]?.streams).toHaveLength(0)
  })

  it('gives way to a restart if it is impossible and the caller gets the whole answer at once', async () => {
    await using swarm = await ScriptedSwarm.create([
      { scripts: [{ reasoning: 'hm', answer: COUNT, fault: { type: 'end', afterTokens: 4 } }] },
      { scripts: [{ answer: COUNT }] },
    ])
    const whole = await swarm.swarm.requester.chat(chat)
    expect(whole.choices[0]?.message.content).toBe(COUNT)
    expect(whole.choices[0]?.message.reasoning_content).toBeUndefined()
  })

  it('is not needed for an answer whose tokens are used up', async () => {
    await using swarm = await ScriptedSwarm.create([
      { scripts: [{ answer: COUNT, fault: { ...dies, afterTokens: 3 } }] },
      {},
    ])
    const answer = swarm.swarm.requester.streamChat({ ...chat, max_tokens: 3 })
    let finish: string | null = null
    for await (const { choices } of answer) finish = choices[0]?.finish_reason ?? finish
    expect(finish).toBe('length')
    expect(swarm.peers[1]?.streams).toHaveLength(0)
    expect(answer.event).toMatchObject({ outcome: 'answered', usageEstimated: true })
  })

  it('is not made for a request that failed at two engines', async () => {
    await using swarm = await ScriptedSwarm.create([
      ...[{ scripts: [breaks] }, { scripts: [{ answer: COUNT, fault: dies }] }],
    ])
    const { error, text } = await read(swarm)
    expect(error?.code).toBe('engine_failed')
    expect(COUNT.startsWith(text)).toBe(true)
    expect(swarm.peers.map(({ streams }) => streams.length)).toEqual([1, 1])
  })

  it('uses the text if a peer reports that the ids do not match it', async () => {
    await using swarm = await ScriptedSwarm.create([
      { scripts: [{ answer: COUNT, fault: { type: 'end', afterTokens: 3 } }] },
      { scripts: [{ fault: { type: 'throw', error: new InferenceError('not_resumable', 'no') } }] },
      { scripts: [{ answer: COUNT }] },
    ])
    const { text, event } = await read(swarm)
    expect([text, event.exact]).toEqual([COUNT, false])
  })

  it('is tried concurrently with a peer that stalls, and replaces it if it is first', async () => {
    await using swarm = await ScriptedSwarm.create(
      [
        { scripts: [{ answer: COUNT, fault: { type: 'stall', afterTokens: 3 } }] },
        { scripts: [{ answer: COUNT }] },
      ],
      { stallFloorMs: 50 },
    )
    const { text, event } = await read(swarm)
    expect([text, event.exact]).toEqual([COUNT, true])
    expect(event.attempts).toMatchObject([
      { outcome: 'stalled', reason: 'first' },
      { outcome: 'answered', reason: 'stall' },
    ])
    await swarm.peers[0]?.engine.idle()
  })
})

describe('an answer that repeats itself', () => {
  const rows = (row: string): string => row.repeat(130)
  it.each([
    ['equal lines', rows('again\n')],
    ['a table of equal rows', `| a |\n|---|\n${rows('| 1 |\n')}`],
    ['an array of equal numbers', `[${rows('42, ')}42]`],
    ['one word', rows('yes ')],
  ])('is delivered to its end if a second peer repeats itself as well: %s', async (_, answer) => {
    await using swarm = await ScriptedSwarm.create([
      ...[{ scripts: [{ answer }] }, { scripts: [{ answer }] }, { scripts: [{ answer }] }],
    ])
    const { error, text, event } = await read(swarm)
    expect([error, text]).toEqual([undefined, answer])
    expect(event.attempts).toHaveLength(2)
  })

  it('is delivered to its end by the only peer there is', async () => {
    const answer = rows('again\n')
    await using swarm = await ScriptedSwarm.create([{ scripts: [{ answer }, { answer }] }])
    const { error, text } = await read(swarm)
    expect([error, text]).toEqual([undefined, answer])
  })

  it('is answered from memory after the same request failed three times', async () => {
    const always = Array.from({ length: 20 }, () => ({ fault: dies }))
    await using swarm = await ScriptedSwarm.create([{ scripts: always }, { scripts: always }])
    for (let i = 0; i < 3; i += 1) expect((await read(swarm)).error?.code).toBe('engine_failed')
    const before = swarm.peers.map(({ streams }) => streams.length)
    const { error, event } = await read(swarm)
    expect(error).toMatchObject({ code: 'engine_failed' })
    expect(error?.retryAfterMs).toBeGreaterThan(0)
    expect(event.remembered).toBe(true)
    expect(swarm.peers.map(({ streams }) => streams.length)).toEqual(before)
  })
})

describe('the event of a request', () => {
  it('is emitted once, whatever the outcome, and a failing observer has no effect', async () => {
    const events: RequestEvent[] = []
    await using swarm = await ScriptedSwarm.create([{ scripts: [{ answer: COUNT }] }], {
      onEvent: (event) => {
        events.push(event)
        throw new Error('observer')
      },
    })
    await read(swarm)
    for await (const _ of swarm.swarm.requester.streamChat(chat)) break
    await swarm.swarm.requester.chat({ ...chat, model: 'unserved' }).catch(() => {})
    await swarm.swarm.requester.embed({ model: 'm', input: ['a', 'b'] })
    expect(events.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual([
      'chat answered',
      'chat cancelled',
      'chat model_not_found',
      'embedding answered',
    ])
    expect(events[0]).toMatchObject({
      model: 'm',
      policy: 'hedge',
      resume: 'same-model',
      resumes: 0,
      exact: true,
      attempts: [{ reason: 'first', outcome: 'answered' }],
      cost: { attempts: 0, promptTokens: 0, completionTokens: 0, estimated: false },
    })
  })

  it.each(['race:1', 'race:9', 'quorum:3-of-2', 'quorum:1-of-3', 'fast'])(
    'is absent for the policy %s, which is refused',
    async (policy) => {
      await using swarm = await ScriptedSwarm.create([{}])
      await expect(
        swarm.swarm.requester.chat(chat, { policy: policy as 'single' }),
      ).rejects.toMatchObject({ code: 'invalid_request' })
    },
  )
})
