import { describe, expect, it } from 'vitest'
import { beyondLimits, controlOf, smallScaleOf } from '../../bench/sim/attack.ts'
import { ATTACKS } from '../../bench/sim/attacks.ts'

const SEED = 1
const TIMEOUT_MS = 600_000

describe('in the simulator, a part of the defence switched off lets through', () => {
  it.for(ATTACKS)('$name', { timeout: TIMEOUT_MS }, async (attack) => {
    const found = await attack.run({
      // What gets through shows in half of what it takes to show that nothing does.
      ...{ seed: SEED, scale: smallScaleOf(attack) / 2 },
      without: controlOf(attack),
    })
    const moved = beyondLimits(found)
    expect(moved, JSON.stringify(found.figures)).toEqual(expect.arrayContaining([...attack.moves]))
  })
})
