import { expect, it } from 'vitest'
import { commitFaults } from '../../../checks/commits.ts'

it('accepts a short subject with a body', () => {
  expect(commitFaults('abc1234 Close what failed to open\n\nThe host leaked.\n')).toEqual([])
})

it('rejects what a reader of the log trips over', () => {
  expect(commitFaults(`abc1234 ${'x'.repeat(73)}\n\nWhy.\n`)).toEqual([
    'abc1234: subject of 73 characters; 72 at most',
  ])
  expect(commitFaults('abc1234 Fix it.\n')).toEqual([
    'abc1234: subject ends with a full stop',
    'abc1234: no body that says why',
  ])
  expect(commitFaults('abc1234 Fix\nit\n')).toEqual(['abc1234: no blank line after the subject'])
})
