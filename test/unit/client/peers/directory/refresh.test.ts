import { afterEach, expect, it, vi } from 'vitest'
import { answers, refuses } from '../../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../../testing/swarms/fake-swarm.ts'

const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }

let swarm: FakeSwarm

afterEach(async () => {
  vi.restoreAllMocks()
  await swarm.close()
})

/** Look-ups of keys while one more request is answered, this long after the earlier ones. */
async function lookUpsLater(ms: number): Promise<number> {
  vi.restoreAllMocks()
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + ms)
  const before = swarm.lookUps
  await swarm.requester.chat(request)
  return swarm.lookUps - before
}

it('looks for further peers when a known one has no room, long before the regular look-up', async () => {
  swarm = await FakeSwarm.create({ connectedPeers: 0 })
  const [good, busy] = [answers('hello'), refuses('over_capacity', { retryAfterMs: 1 })]
  const turns = [good, busy, good, busy]
  await swarm.add((stream) => (turns.shift() ?? good)(stream))
  await swarm.requester.chat(request)
  expect(await lookUpsLater(0)).toBe(0)
  expect(await lookUpsLater(10_000)).toBeGreaterThan(0)
  expect(turns).toEqual([])
})

it('does not look again while no peer fails', async () => {
  swarm = await FakeSwarm.create({ connectedPeers: 0 })
  await swarm.add(answers('hello'))
  await swarm.requester.chat(request)
  expect(await lookUpsLater(10_000)).toBe(0)
})
