import { describe, expect, it, vi } from 'vitest'
import {
  askUnderFaults,
  DIALECT_CELLS,
  DIALECT_FAULTS,
} from '../../testing/chaos/scenarios/dialect-faults.ts'
import { FAULTS } from '../../testing/faults/chaos-faults.ts'

vi.setConfig({ testTimeout: 60_000 })

const CUTS = [0, 1, 7, 20] as const

describe.each(DIALECT_CELLS)('%s, %s', (...cell) => {
  it.each(DIALECT_FAULTS)(
    'is the undisturbed answer after %s, wherever it strikes',
    async (name) => {
      const fault = FAULTS.find((one) => one.name === name)
      if (fault === undefined) throw new Error(`no fault '${name}'`)
      const undisturbed = await askUnderFaults(cell, { stream: true })
      let struck = 0
      for (const at of CUTS) {
        const harms = [{ ...fault, at }]
        const { strikes, answer } = await askUnderFaults(cell, { stream: at !== 7, harms })
        expect(answer, `at ${at}`).toEqual(undisturbed.answer)
        struck += strikes
      }
      expect(struck).toBeGreaterThan(0)
    },
  )
})
