import { expect, it } from 'vitest'
import { freshClient } from '../../testing/chaos/scenarios/fresh-client.ts'

it('brings a client through its first request though the serving peer is killed three times', async () => {
  const { kills, resumes, ...tally } = await freshClient({ clients: 1 })
  expect(tally).toMatchObject({
    requests: 1,
    failures: [],
    failed: 0,
    wrong: 0,
    lost: 0,
    doubled: 0,
  })
  expect(kills).toBe(3)
  expect(resumes).toBeGreaterThanOrEqual(3)
})
