import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { InferenceError } from '../../protocol/index.ts'
import { FORMS, take } from '../../testing/chaos/answers.ts'
import { counting, Watch } from '../../testing/chaos/watch.ts'
import { FAULTS } from '../../testing/faults/chaos-faults.ts'
import { ChaosWire } from '../../testing/faults/chaos-wire.ts'
import { Random, VirtualClock } from '../../testing/index.ts'
import { ProcessSwarm } from '../../testing/swarms/chaos-swarm.ts'

const REQUESTS = 1_000
const AT_A_TIME = 60
/** Every fourth attempt goes wrong. */
const FAULTY = 1 / 4
/** The heap of a worker that has run everything once moves by less; a request that leaked would leave ten times more. */
const HEAP_SLACK_BYTES = 4 << 20

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

function heapUsed(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

async function crowd(wire: ChaosWire, requests: number, signal: AbortSignal): Promise<string[]> {
  const outcomes: string[] = []
  let asked = 0
  const worker = async (): Promise<void> => {
    while (asked < requests) {
      const index = asked
      asked += 1
      const leaving = new AbortController()
      const form = FORMS[index % FORMS.length] ?? 'chat'
      const leaves = index % 11 === 0
      const ask = {
        model: 'm',
        // A client answers a request that fails again and again from memory.
        seed: index,
        options: leaves ? { signal: AbortSignal.any([signal, leaving.signal]) } : { signal },
        onText: () => {
          if (leaves) leaving.abort(new InferenceError('cancelled', 'seen enough'))
        },
      }
      const outcome = await take(wire.swarm.requester, form, ask).then(
        () => 'answered',
        (error: unknown) => InferenceError.from(error).code,
      )
      outcomes.push(outcome)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
  await wire.atRest()
  return outcomes
}

describe('a thousand requests with mixed faults', () => {
  it('leave no stream, timer, listener or growing heap', async () => {
    const random = new Random(4)
    const eachAttempt = () => {
      const fault = FAULTS[random.below(FAULTS.length)]
      if (fault === undefined || !random.chance(FAULTY)) return undefined
      return { ...fault, at: random.below(20) }
    }
    // The budgets of a client whose every fourth attempt fails would be spent at once.
    const free = { balance: 0, take: () => true, succeeded: () => {} }
    const lease = { succeeded: () => {}, failed: () => {} }
    const budgets = {
      budget: free,
      reserve: { balance: 0, acquire: () => Promise.resolve(lease), answered: () => {} },
    }
    // Only faults take time, so that a busy machine answers as many.
    using clock = VirtualClock.flowing()
    await using wire = await ChaosWire.create({
      peers: 5,
      harms: [],
      eachAttempt,
      limits: { budgets, clock },
    })
    const { signal } = new AbortController()
    const listeners = (): number => getEventListeners(signal, 'abort').length
    const streams = () => wire.swarm.peers.flatMap((peer) => peer.streams)
    /** What the fixtures remember of each request is theirs, not a leak. */
    const forget = (): void => {
      for (const peer of wire.swarm.peers) peer.streams.length = 0
      wire.swarm.endings.length = 0
      for (const engine of wire.engines) (engine.calls as unknown[]).length = 0
    }
    await crowd(wire, REQUESTS / 5, signal)
    forget()
    const before = { timers: timers(), planned: clock.planned, heap: heapUsed() }
    const outcomes = await crowd(wire, REQUESTS, signal)
    expect(outcomes.filter((outcome) => outcome === 'answered').length).toBeGreaterThan(
      REQUESTS / 3,
    )
    expect(outcomes).toContain('cancelled')
    expect(streams().length).toBeGreaterThan(REQUESTS)
    expect(streams().filter(({ status }) => status === 'open')).toEqual([])
    expect(wire.engines.map(({ active }) => active)).toEqual([0, 0, 0, 0, 0])
    expect([listeners(), wire.swarm.listeners, wire.swarm.requester.inFlight]).toEqual([0, 0, 0])
    // The in-memory wire has a few of its own for a moment; a leak would show a thousand.
    await expect.poll(timers, { timeout: 10_000 }).toBeLessThanOrEqual(before.timers + 10)
    await expect.poll(() => clock.planned).toBeLessThanOrEqual(before.planned + 10)
    forget()
    // Streams that close by their deadlines are held for seconds on a busy machine; what leaks is held for ever.
    const growth = (): number => heapUsed() - before.heap
    await expect.poll(growth, { timeout: 60_000, interval: 1_000 }).toBeLessThan(HEAP_SLACK_BYTES)
  }, 600_000)

  it('leave no child process and no socket where peers are processes', async () => {
    const held = (): string[] =>
      process.getActiveResourcesInfo().filter((name) => /Process|TCP|Pipe/.test(name))
    const before = held()
    {
      await using swarm = await ProcessSwarm.create()
      const engine = { model: 'counter', slots: 8, paceMs: 5 }
      await Promise.all([1, 2, 3].map(() => swarm.node({ engine })))
      const { requester } = await swarm.client()
      const watch = new Watch()
      const question = counting(1, 20)
      const messages = [{ role: 'user', content: question.prompt }]
      let read = 0
      const worker = async (): Promise<void> => {
        while (read < 60) {
          read += 1
          await watch.read(requester.streamChat({ model: 'counter', messages }), question)
          if (watch.outcomes.length === 20) await swarm.nodes[0]?.kill()
        }
      }
      await Promise.all(Array.from({ length: 8 }, worker))
      expect(watch.tally()).toMatchObject({ failures: [], failed: 0, wrong: 0 })
    }
    await expect.poll(held, { timeout: 20_000 }).toEqual(before)
  })
})
