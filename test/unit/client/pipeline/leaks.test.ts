import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../../testing/index.ts'
import {
  accepted,
  answers,
  type Behaviour,
  chatDelta,
  cutsAFrame,
  hangsAfter,
  refuses,
  resetsAfter,
  says,
  talksGarbage,
} from '../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../testing/swarms/fake-swarm.ts'

const template = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const hello = chatDelta(0, { content: 'hel' })
const REQUESTS = 1_000
const AT_A_TIME = 25

let swarm: FakeSwarm

afterEach(async () => {
  await swarm.close()
})

const faults: readonly Behaviour[] = [
  answers('hello'),
  resetsAfter(accepted),
  resetsAfter(accepted, hello),
  says(accepted, hello),
  talksGarbage,
  cutsAFrame,
  refuses('over_capacity', { retryAfterMs: 1 }),
  hangsAfter(accepted, hello),
]

describe('a thousand requests with every fault', () => {
  it('leak no stream, listener or timer', { timeout: 180_000 }, async () => {
    const clock = new VirtualClock({ wallMs: Date.now() })
    using _flow = clock.flow()
    const limits = { timeoutMs: 60_000, itlTimeoutMs: 100, silenceTimeoutMs: 100 }
    swarm = await FakeSwarm.create({ ...limits, clock })
    let served = 0
    const mixed: Behaviour = (stream) => {
      const behaviour = faults[served % faults.length]
      served += 1
      return behaviour?.(stream) ?? Promise.resolve()
    }
    for (let i = 0; i < 3; i += 1) await swarm.add(mixed)
    const caller = new AbortController()
    const timersBefore = { real: timers(), virtual: clock.planned }
    let asked = 0
    const outcomes = new Map<string, number>()
    const worker = async (): Promise<void> => {
      while (asked < REQUESTS) {
        asked += 1
        const outcome = await one(asked, caller.signal)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: AT_A_TIME }, worker))
    await Promise.all(swarm.endings)
    expect([...outcomes.keys()]).toEqual(
      expect.arrayContaining(['answered', 'left', 'stalled', 'stream_reset', 'truncated']),
    )
    const streams = swarm.peers.flatMap((peer) => peer.streams)
    expect(streams.length).toBeGreaterThanOrEqual(REQUESTS)
    expect(streams.filter(({ status }) => status === 'open')).toEqual([])
    expect(listenersOf(streams)).toBe(0)
    const listeners = getEventListeners(caller.signal, 'abort').length
    expect([listeners, swarm.listeners, swarm.requester.inFlight]).toEqual([0, 0, 0])
    // The in-memory wire has a few of its own for a moment; a leak would show a thousand.
    await expect.poll(timers, { timeout: 5_000 }).toBeLessThanOrEqual(timersBefore.real + 10)
    expect(clock.planned).toBeLessThanOrEqual(timersBefore.virtual)
  })
})

/** One request: every third is read whole, every seventh is left after its first chunk. */
async function one(index: number, signal: AbortSignal): Promise<string> {
  // Each another request: the same one failing again and again would be answered from memory.
  const request = { ...template, seed: index }
  try {
    if (index % 3 === 0) {
      await swarm.requester.chat(request, { signal })
      return 'answered'
    }
    for await (const _ of swarm.requester.streamChat(request, { signal })) {
      if (index % 7 === 0) return 'left'
    }
    return 'answered'
  } catch (error) {
    return (error as { code: string }).code
  }
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

/** What an attempt listens to on its stream. `drain` and `close` have listeners of the stream's own. */
function listenersOf(streams: readonly { listenerCount?: (type: string) => number }[]): number {
  return streams.reduce(
    (sum, stream) =>
      sum +
      (stream.listenerCount?.('message') ?? Number.NaN) +
      (stream.listenerCount?.('end') ?? 0),
    0,
  )
}
