import { expect, it } from 'vitest'
import { checkClock } from '../../../cli/members/index.ts'

const YEAR_MS = 365 * 86_400_000

it('refuses to change what has times in it while most peers agree that the clock is off', () => {
  const report = { aheadMs: YEAR_MS, peers: 3, agreeing: 3, off: [] }
  expect(() => checkClock({ ...report, own: 'off' })).toThrow(/nothing is changed.*clock/)
})

it.each(['right', 'unclear', 'unknown'] as const)('lets it pass when the clock is %s', (own) => {
  expect(() => checkClock({ own, aheadMs: 0, peers: 1, agreeing: 1, off: [] })).not.toThrow()
  expect(() => checkClock(undefined)).not.toThrow()
})
