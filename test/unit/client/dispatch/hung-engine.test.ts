import { describe, expect, it } from 'vitest'
import { ResumeReserve, RetryBudget } from '../../../../client/dispatch/budget/index.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { accepted, answers, hangsAfter } from '../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../testing/swarms/fake-swarm.ts'
import { type ScriptedPeer, ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'
import type { Clock } from '../../../../timing/index.ts'

const chat = { model: 'm', messages: [{ role: 'user', content: 'Count.' }] } as const
const exact = { ...chat, temperature: 0 } as const
const COUNT = 'one two three four five six'
/** A heartbeat finds a hung engine within this time. */
const FOUND_MS = 9_000

/** What the node tells when its engine was found to hang. */
const hung = (): InferenceError => new InferenceError('loading', 'the engine did not respond')

/** As an engine answers that hangs before its first token, until that is found. */
function hangs(clock: Clock, ms: number): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  clock.after(ms, () => reject(hung()))
  return promise
}

function loadsFor({ engine }: ScriptedPeer, clock: Clock, ms: number): void {
  engine.setState('loading')
  clock.after(ms, () => engine.setState('ready'))
}

/** Budgets from which nothing can be drawn, and what was tried. */
function noBudget() {
  const budget = new RetryBudget({ initial: 0, earnedPerSuccess: 0 })
  const reserve = new ResumeReserve({ initial: 1, earnedPerAnswer: 0, waitMs: 1 })
  return { budget, reserve }
}

async function textOf({ swarm }: ScriptedSwarm, body: object = chat): Promise<string> {
  let text = ''
  for await (const { choices } of swarm.requester.streamChat(body)) {
    text += choices[0]?.delta.content ?? ''
  }
  return text
}

describe('a hung engine', () => {
  it('of the only node is waited for until it is back, within the deadline of the caller', async () => {
    await using one = await ScriptedSwarm.create([{ scriptOf: () => ({ answer: COUNT }) }], {
      timeoutMs: 120_000,
      budgets: noBudget(),
    })
    const [peer] = one.peers
    const { clock } = one.swarm
    if (peer !== undefined) loadsFor(peer, clock, 60_000)
    expect(await textOf(one)).toBe(COUNT)
    expect(clock.now()).toBeGreaterThanOrEqual(60_000)
    expect(clock.now()).toBeLessThan(66_000)
    expect(peer?.streams.length).toBeLessThan(32)
  })

  it('that is never back ends the request as loading, before its deadline has passed', async () => {
    await using one = await ScriptedSwarm.create([{}], { timeoutMs: 30_000, budgets: noBudget() })
    one.peers[0]?.engine.setState('loading')
    await expect(textOf(one)).rejects.toMatchObject({ code: 'loading' })
    expect(one.swarm.clock.now()).toBeGreaterThan(25_000)
  })

  it.each([
    [1, 2],
    [2, 3],
  ])('at %i of %i nodes fails no request, though the retry budget is empty', async (bad, all) => {
    let clock: Clock | undefined
    await using swarm = await ScriptedSwarm.create(
      Array.from({ length: all }, (_, index) => ({
        scriptOf: () =>
          index < bad && clock !== undefined ? { gate: hangs(clock, FOUND_MS) } : { answer: COUNT },
      })),
      { timeoutMs: 60_000, budgets: noBudget() },
    )
    clock = swarm.swarm.clock
    const texts = await Promise.all(Array.from({ length: 4 }, () => textOf(swarm)))
    expect(texts).toEqual(Array(4).fill(COUNT))
  })

  it('is hedged at a peer that was known only by hearsay, once that is met', async () => {
    const swarm = await FakeSwarm.create({ silenceTimeoutMs: 60_000, timeoutMs: 60_000 })
    await swarm.add(hangsAfter(accepted))
    swarm.tell(await swarm.add(answers('hello')))
    const { skein } = await swarm.requester.chat(chat)
    expect(skein.attempts).toMatchObject([
      { reason: 'first', outcome: 'superseded' },
      { reason: 'hedge', outcome: 'answered' },
    ])
    await swarm.close()
  })

  it.each([
    [1, 2],
    [2, 3],
  ])('in mid-answer at %i of %i nodes costs no reserve: each answer goes on', async (bad, all) => {
    const budgets = noBudget()
    const breaks = { type: 'throw', error: hung(), afterTokens: 3 } as const
    await using swarm = await ScriptedSwarm.create(
      Array.from({ length: all }, (_, index) => ({
        scriptOf: () => ({ answer: COUNT, ...(index < bad && { fault: breaks }) }),
      })),
      { timeoutMs: 60_000, budgets },
    )
    for (let n = 0; n < 5; n += 1) expect(await textOf(swarm, exact)).toBe(COUNT)
    expect(budgets.reserve.balance).toBe(1)
  })

  it.each([
    ['before its first token', undefined],
    ['in mid-answer', 3],
  ])('%s at two independent peers ends the request, which may be the cause', async (_, tokens) => {
    let clock: Clock | undefined
    await using swarm = await ScriptedSwarm.create(
      Array.from({ length: 3 }, () => ({
        scriptOf: () => {
          if (tokens === undefined && clock !== undefined) return { gate: hangs(clock, FOUND_MS) }
          return { answer: COUNT, fault: { type: 'throw', error: hung(), afterTokens: 3 } }
        },
      })),
      { timeoutMs: 60_000, silenceTimeoutMs: 60_000 },
    )
    clock = swarm.swarm.clock
    for (const peer of swarm.peers) swarm.swarm.prove(peer)
    await expect(textOf(swarm, exact)).rejects.toMatchObject({
      code: 'loading',
      message: expect.stringMatching(/two independent peers .* may be the cause/) as string,
    })
    expect(swarm.peers.filter(({ streams }) => streams.length > 0)).toHaveLength(2)
  })

  it('of the only node is asked as often as other failures allow, not as one that loads', async () => {
    let clock: Clock | undefined
    await using one = await ScriptedSwarm.create(
      [{ scriptOf: () => (clock === undefined ? {} : { gate: hangs(clock, FOUND_MS) }) }],
      { timeoutMs: 600_000, silenceTimeoutMs: 60_000, maxAttempts: 3 },
    )
    clock = one.swarm.clock
    await expect(textOf(one)).rejects.toMatchObject({ code: 'loading' })
    expect(one.peers[0]?.streams).toHaveLength(3)
  })

  it('is not found where engines refuse, as they load: any number of them may', async () => {
    const refuses = { gate: Promise.reject(hung()) }
    refuses.gate.catch(() => {})
    await using swarm = await ScriptedSwarm.create([
      ...Array.from({ length: 8 }, () => ({ scriptOf: () => refuses })),
      { scriptOf: () => ({ answer: COUNT }) },
    ])
    for (const peer of swarm.peers) swarm.swarm.prove(peer)
    expect(await textOf(swarm)).toBe(COUNT)
  })
})
