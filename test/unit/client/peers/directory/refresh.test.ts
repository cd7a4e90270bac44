import { afterEach, beforeEach, expect, it } from 'vitest'
import { VirtualClock } from '../../../../../testing/index.ts'
import { answers, refuses } from '../../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../../testing/swarms/fake-swarm.ts'

const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }

let clock: VirtualClock
let flow: Disposable
let swarm: FakeSwarm

beforeEach(async () => {
  clock = new VirtualClock({ wallMs: Date.now() })
  flow = clock.flow()
  swarm = await FakeSwarm.create({ connectedPeers: 0, clock })
})

afterEach(async () => {
  await swarm.close()
  flow[Symbol.dispose]()
})

/** Look-ups of keys while one more request is answered, this long after the earlier ones. */
async function lookUpsLater(ms: number): Promise<number> {
  await clock.advance(ms)
  const before = swarm.lookUps
  await swarm.requester.chat(request)
  return swarm.lookUps - before
}

it('looks for further peers when a known one has no room, long before the regular look-up', async () => {
  const [good, busy] = [answers('hello'), refuses('over_capacity', { retryAfterMs: 1 })]
  const turns = [good, busy, good, busy]
  await swarm.add((stream) => (turns.shift() ?? good)(stream))
  await swarm.requester.chat(request)
  expect(await lookUpsLater(0)).toBe(0)
  expect(await lookUpsLater(10_000)).toBeGreaterThan(0)
  expect(turns).toEqual([])
})

it('does not look again while no peer fails', async () => {
  await swarm.add(answers('hello'))
  await swarm.requester.chat(request)
  expect(await lookUpsLater(10_000)).toBe(0)
})
