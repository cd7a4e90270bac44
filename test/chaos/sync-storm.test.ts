import { expect, it } from 'vitest'
import { syncStorm } from '../../testing/chaos/scenarios/sync-storm.ts'

it('answers every request exactly while all peers advertise at once, again and again', async () => {
  const size = { nodes: 3, halfMs: 1_500, perSecond: 6, everyMs: 300 }
  const { storms, requests, ...tally } = await syncStorm(size)
  expect(tally).toMatchObject({ failures: [], failed: 0, wrong: 0, lost: 0, doubled: 0 })
  expect(requests).toBe(18)
  expect(storms).toBe(5)
})
