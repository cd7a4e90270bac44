import { describe, expect, it } from 'vitest'
import { ATTACKS } from '../../bench/sim/attacks.ts'

const SHORT = { seed: 1, scale: 0.3 }
const TIMEOUT_MS = 120_000

describe('in the simulator, the shipped policies withstand', () => {
  it.for(ATTACKS)('$name', { timeout: TIMEOUT_MS }, async (attack) => {
    const found = await attack.run(SHORT)
    expect(found, attack.criterion).toMatchObject({ passes: true })
  })
})
