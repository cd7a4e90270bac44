import { expect, it } from 'vitest'
import { churn } from './scenarios/churn.ts'

it('answers every request exactly while nodes are killed and others come', async () => {
  const { kills, requests, ...tally } = await churn({
    nodes: 5,
    durationMs: 15_000,
    killEveryMs: 3_000,
    perSecond: 3,
  })
  expect(tally).toMatchObject({ failures: [], failed: 0, wrong: 0, lost: 0, doubled: 0 })
  expect(requests).toBe(45)
  expect(kills).toBeGreaterThanOrEqual(4)
  // A kill that met no answer proves nothing.
  expect(tally.recoveryMs.length).toBeGreaterThan(0)
})
