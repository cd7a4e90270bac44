import { expect, it, vi } from 'vitest'
import { announcedCalls } from '../../testing/chaos/dialects/call-ids.ts'
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

/** In the middle of each call: the script sends its name, and then each of 17 characters. */
const WITHIN_CALLS = [9, 27, 45] as const
const CALLING = DIALECT_CELLS.filter(([, shape]) => shape === 'three calls')

it.each(CALLING)(
  '%s, %s: comes once and whole, with one id each, if its peer is lost within any of them',
  async (...cell) => {
    const expected = ['Madrid', 'Vienna', 'Athens'].map((city) => ({
      ...{ name: 'weather', arguments: { city } },
    }))
    for (const [turn, at] of WITHIN_CALLS.entries()) {
      const name = DIALECT_FAULTS[turn % 2]
      const fault = FAULTS.find((one) => one.name === name)
      if (fault === undefined) throw new Error(`no fault '${name}'`)
      const harms = [{ ...fault, at }]
      const { answer, body, strikes } = await askUnderFaults(cell, { stream: true, harms })
      expect([answer.calls, strikes > 0]).toEqual([expected, true])
      const announced = announcedCalls(cell[0], body)
      const ids = new Map(announced.map(({ place, id }) => [place, id]))
      expect([ids.size, new Set(ids.values()).size]).toEqual([3, 3])
      // No place has had another id before.
      expect(new Set(announced.map(({ id }) => id)).size).toBe(3)
    }
  },
)
