import { describe, expect, it } from 'vitest'
import { beyondLimits, smallScaleOf } from '../../bench/sim/attack.ts'
import { ATTACKS } from '../../bench/sim/attacks.ts'

const SEED = 1
const TIMEOUT_MS = 600_000

describe('in the simulator, the shipped policies withstand', () => {
  it.for(ATTACKS)('$name', { timeout: TIMEOUT_MS }, async (attack) => {
    const found = await attack.run({ seed: SEED, scale: smallScaleOf(attack) })
    expect(beyondLimits(found), `${attack.criterion}; ${JSON.stringify(found.figures)}`).toEqual([])
  })
})
