import { describe, expect, it } from 'vitest'
import { runScenario, SCENARIOS } from '../../bench/sim/scenarios.ts'

const SMALL = { peers: 300, clients: 20, requests: 2_000, seed: 1 }
const TIMEOUT_MS = 300_000

describe('in the simulator, requests are answered through', () => {
  it.for(SCENARIOS)('$name', { timeout: TIMEOUT_MS }, async (scenario) => {
    const { answered, wrong, amplification } = await runScenario(scenario, SMALL)
    expect(answered).toBeGreaterThanOrEqual(scenario.answered)
    expect(wrong).toBe(0)
    expect(amplification).toBeLessThan(1.3)
  })

  it('in the same way for the same seed', { timeout: TIMEOUT_MS }, async () => {
    const [, crowd] = SCENARIOS
    if (crowd === undefined) throw new Error('no scenario')
    const once = await runScenario(crowd, { ...SMALL, requests: 600 })
    const again = await runScenario(crowd, { ...SMALL, requests: 600 })
    expect(again).toEqual(once)
    const other = await runScenario(crowd, { ...SMALL, requests: 600, seed: 2 })
    expect(other).not.toEqual(once)
  })
})
