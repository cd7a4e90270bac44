import { expect, it } from 'vitest'
import { changedLines } from '../../../checks/api-report.ts'

it('names removed and added lines, each as often as it occurs', () => {
  expect(changedLines('a\nb\nb', 'a\nb\nc')).toEqual(['- b', '+ c'])
  expect(changedLines('a\nb', 'a\nb')).toEqual([])
  expect(changedLines('a\nb', 'b\na')).toEqual(['lines are in another order'])
})
