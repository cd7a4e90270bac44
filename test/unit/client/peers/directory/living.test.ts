import { afterEach, beforeEach, expect, it } from 'vitest'
import { answers } from '../../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../../testing/swarms/fake-swarm.ts'
import { VirtualClock } from '../../../../../testing/virtual-clock.ts'

let clock: VirtualClock
let swarm: FakeSwarm

beforeEach(async () => {
  clock = new VirtualClock({ wallMs: Date.now() })
  swarm = await FakeSwarm.create({ clock })
})

afterEach(async () => {
  await swarm.close()
})

/** The peers that a list counts, and how long it takes. */
async function list(): Promise<{ peers: readonly string[]; ms: number }> {
  const fromMs = clock.now()
  const models = await clock.until(
    swarm.requester.models().catch((error: { code?: unknown }) => {
      expect(error.code).toBe('no_peers')
      return []
    }),
  )
  return { peers: models.flatMap(({ peers }) => peers), ms: clock.now() - fromMs }
}

it('lists the others without delay while one peer is connected and silent', async () => {
  const awake = await swarm.add(answers('a'))
  const asleep = await swarm.add(answers('b'))
  expect((await list()).peers).toHaveLength(2)
  swarm.freeze(asleep)
  // Its last sign of life counts for 15 s, and the first list after that finds out.
  await clock.advance(20_000)
  expect((await list()).ms).toBeLessThan(1_000)
  for (let round = 0; round < 5; round += 1) {
    await clock.advance(20_000)
    const { peers, ms } = await list()
    expect(peers).toEqual([awake.key])
    expect(ms).toBeLessThan(1_000)
  }
})

it('waits for the whole look-up before it says that no peer lives', async () => {
  const only = await swarm.add(answers('a'))
  await list()
  swarm.freeze(only)
  await clock.advance(20_000)
  expect((await list()).peers).toEqual([])
  await clock.advance(20_000)
  expect((await list()).peers).toEqual([])
})
