import { describe, expect, it } from 'vitest'
import { beyondLimits, smallScaleOf } from '../../bench/sim/attack.ts'
import { ATTACKS } from '../../bench/sim/attacks.ts'

const SEED = 1
const TIMEOUT_MS = 600_000
/** Far too small for the criteria. */
const TINY_SCALE = 0.03

describe('in the simulator, the shipped policies withstand', () => {
  it.for(ATTACKS)('$name', { timeout: TIMEOUT_MS }, async (attack) => {
    const found = await attack.run({ seed: SEED, scale: smallScaleOf(attack) })
    expect(beyondLimits(found), `${attack.criterion}; ${JSON.stringify(found.figures)}`).toEqual([])
  })
})

describe('the same seed gives the same figures', () => {
  it.for(ATTACKS)('$name', { timeout: TIMEOUT_MS }, async (attack) => {
    const size = { seed: SEED, scale: TINY_SCALE }
    const { figures } = await attack.run(size)
    expect((await attack.run(size)).figures).toEqual(figures)
  })
})
