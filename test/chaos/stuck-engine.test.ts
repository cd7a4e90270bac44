import { expect, it } from 'vitest'
import { counting, Watch } from '../../testing/chaos/watch.ts'
import { ProcessSwarm } from '../../testing/swarms/chaos-swarm.ts'

const REQUESTS = 20
/** It is suspect for 5 s after the first of them, for 10 s after the next, and so on. */
const MAX_ASKED = 6

it('stops sending requests to a node that reports healthy while its generation is stuck', async () => {
  await using swarm = await ProcessSwarm.create()
  const engine = { model: 'counter', slots: 4, paceMs: 5 }
  const nodes = await Promise.all([1, 2, 3].map(() => swarm.node({ engine })))
  const { requester } = await swarm.client()
  const watch = new Watch()
  const stuck = nodes[0]
  stuck?.stick()
  for (let index = 0; index < REQUESTS; index += 1) {
    const question = counting(index + 1, index + 8)
    const messages = [{ role: 'user', content: question.prompt }]
    await watch.read(requester.streamChat({ model: 'counter', messages }), question)
  }
  expect(watch.tally()).toMatchObject({ failures: [], failed: 0, wrong: 0, lost: 0, doubled: 0 })
  const askedOf = watch.outcomes.map(
    ({ event }) => event?.attempts.filter(({ peerId }) => peerId === stuck?.peerId).length,
  )
  const asked = askedOf.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  expect(asked, askedOf.join(' ')).toBeLessThanOrEqual(MAX_ASKED)
})
