import { describe, expect, it } from 'vitest'
import { ATTACKS, controlOf } from '../../bench/sim/attacks.ts'

const SHORT = { seed: 1, scale: 0.3 }
const TIMEOUT_MS = 120_000

describe('in the simulator, a part of the defence switched off lets through', () => {
  it.for(ATTACKS)('$name, without $control', { timeout: TIMEOUT_MS }, async (attack) => {
    const found = await attack.run({ ...SHORT, without: controlOf(attack) })
    expect(found, attack.criterion).toMatchObject({ passes: false })
  })
})
