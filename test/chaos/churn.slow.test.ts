import { expect, it } from 'vitest'
import { churn } from '../../testing/chaos/scenarios/churn.ts'

it('answers every request exactly while nodes are killed and others come', async () => {
  const tally = await churn({ nodes: 4, kills: 5, everyMs: 2_500, perSecond: 3 })
  expect(tally).toMatchObject({ failures: [], failed: 0, wrong: 0, lost: 0, doubled: 0 })
  expect(tally.requests).toBeGreaterThanOrEqual(5 * 2.5 * 3)
  // Kills that met no answer would prove nothing.
  expect(tally.recoveryMs.length).toBeGreaterThan(0)
})
