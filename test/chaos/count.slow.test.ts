import { expect, it } from 'vitest'
import { count, type Loss } from '../../testing/chaos/scenarios/count.ts'
import { whyNoProcessNetworks } from '../../testing/faults/chaos-network.ts'

const noNetworks = whyNoProcessNetworks()
const losses: readonly Loss[] =
  noNetworks === undefined
    ? ['SIGKILL', 'SIGSTOP', 'network cut']
    : ['SIGKILL', 'SIGSTOP', 'SIGKILL']
const what = noNetworks === undefined ? losses.join(', ') : `SIGKILL, SIGSTOP (${noNetworks})`

it(`counts on, with no number lost or doubled, when the serving process meets ${what}`, async () => {
  const tally = await count({ nodes: 4, last: 64, every: 16, losses })
  expect(tally).toMatchObject({
    requests: 1,
    failures: [],
    failed: 0,
    wrong: 0,
    lost: 0,
    doubled: 0,
  })
  expect(tally.losses).toBe(3)
  expect(tally.resumes).toBeGreaterThanOrEqual(3)
})
