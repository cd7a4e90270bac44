import { expect, it, vi } from 'vitest'
import {
  askUnderFaults,
  DIALECT_CELLS,
  DIALECT_FAULTS,
} from '../../testing/chaos/scenarios/dialect-faults.ts'
import { FAULTS } from '../../testing/faults/chaos-faults.ts'

vi.setConfig({ testTimeout: 30_000 })

const MIDDLE = 7
/** One fault each, in turn; `dialect-faults.slow.test.ts` tries all of them in several places. */
const CASES = DIALECT_CELLS.map(
  (cell, index) => [...cell, DIALECT_FAULTS[index % DIALECT_FAULTS.length] ?? ''] as const,
)

it.each(CASES)('%s, %s: is whole and undisturbed after %s', async (dialect, shape, name) => {
  const cell = [dialect, shape] as const
  const fault = FAULTS.find((one) => one.name === name)
  if (fault === undefined) throw new Error(`no fault '${name}'`)
  const whole = await askUnderFaults(cell, { stream: false })
  const calls = { 'one call': 1, 'three calls': 3 }[shape as string] ?? 0
  expect(whole.answer.calls).toHaveLength(calls)
  expect(whole.answer.reasoning !== '').toBe(shape === 'reasoning')
  const harms = [{ ...fault, at: MIDDLE }]
  const struck = await askUnderFaults(cell, { stream: true, harms })
  expect([struck.answer, struck.strikes > 0]).toEqual([whole.answer, true])
})
