import { expect, it } from 'vitest'
import { brokenConnections } from '../../testing/chaos/scenarios/broken-connections.ts'

it.each(['reset', 'cut', 'blackhole'] as const)(
  'goes on exactly after connections that %s in the middle of answers',
  async (fault) => {
    const { broken, ...tally } = await brokenConnections({ fault, nodes: 4, rounds: 1, atOnce: 4 })
    expect(tally).toMatchObject({
      requests: 4,
      failures: [],
      failed: 0,
      wrong: 0,
      lost: 0,
      doubled: 0,
    })
    expect(broken).toBe(3)
    expect(tally.resumes).toBeGreaterThanOrEqual(3)
  },
)
