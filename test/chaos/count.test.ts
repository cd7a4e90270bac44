import { expect, it } from 'vitest'
import { whyNoProcessNetworks } from '../fixtures/chaos-network.ts'
import { count, type Loss } from './scenarios/count.ts'

const noNetworks = whyNoProcessNetworks()
const skipped = (loss: Loss): boolean => loss === 'network cut' && noNetworks !== undefined
const losses = (['SIGKILL', 'SIGSTOP', 'network cut'] as const).map((loss) => ({
  loss,
  name: skipped(loss) ? `${loss} (skipped: ${noNetworks})` : loss,
}))

for (const { loss, name } of losses) {
  it.skipIf(skipped(loss))(`counts on, with no number lost or doubled, after ${name}`, async () => {
    const tally = await count({ nodes: 3, last: 60, every: 20, loss })
    expect(tally).toMatchObject({ requests: 1, failed: 0, wrong: 0, lost: 0, doubled: 0 })
    expect(tally.losses).toBe(2)
    expect(tally.resumes).toBeGreaterThanOrEqual(2)
  })
}
