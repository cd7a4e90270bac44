import { describe, expect, it } from 'vitest'
import { differenceOf } from '../../testing/chaos/exactness.ts'

const RIGHT = '1, 2, 3, 4, 5.'

describe('the comparison that every chaos test relies on', () => {
  it.each([
    ['the right answer', RIGHT, { lost: 0, doubled: 0 }],
    ['a silent truncation', '1, 2, 3', { lost: 5, doubled: 0 }],
    ['a number left out', '1, 2, 4, 5.', { lost: 2, doubled: 0 }],
    ['a number twice', '1, 2, 3, 3, 4, 5.', { lost: 0, doubled: 2 }],
    ['a restart in the middle', '1, 2, 31, 2, 3, 4, 5.', { lost: 0, doubled: 4 }],
    ['nothing', '', { lost: 10, doubled: 0 }],
  ])('sees %s', (_, received, difference) => {
    expect(differenceOf(RIGHT, received, 'complete')).toEqual(difference)
  })

  it('holds a failed answer against what it had got to', () => {
    expect(differenceOf(RIGHT, '1, 2', 'failed')).toEqual({ lost: 0, doubled: 0 })
    expect(differenceOf(RIGHT, '1, 3', 'failed')).toEqual({ lost: 2, doubled: 0 })
    expect(differenceOf(RIGHT, '1, 2, 2', 'failed')).toEqual({ lost: 0, doubled: 1 })
  })
})
