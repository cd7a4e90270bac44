import { expect, it } from 'vitest'
import { syncStorm } from './scenarios/sync-storm.ts'

it('answers every request exactly while all peers advertise at once, again and again', async () => {
  const size = { nodes: 4, halfMs: 2_000, perSecond: 5, everyMs: 400 }
  const { storms, requests, ...tally } = await syncStorm(size)
  expect(tally).toMatchObject({ failed: 0, wrong: 0, lost: 0, doubled: 0, errors: {} })
  expect(requests).toBe(20)
  expect(storms).toBeGreaterThan(2)
})
