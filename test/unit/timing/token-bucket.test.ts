import { describe, expect, it } from 'vitest'
import { type BucketRate, fullBucket, takeOne } from '../../../timing/index.ts'

function bucket(rate: BucketRate, nowMs: number): (atMs: number) => boolean {
  let held = fullBucket(rate, nowMs)
  return (atMs) => {
    const { state, taken } = takeOne(held, rate, atMs)
    held = state
    return taken
  }
}

describe('a token bucket', () => {
  it('lets a burst through, then a steady rate', () => {
    const take = bucket({ burst: 3, perSecond: 2 }, 0)
    expect([0, 0, 0, 0].map(take)).toEqual([true, true, true, false])
    expect(take(499)).toBe(false)
    expect([1_000, 1_000, 1_000].map(take)).toEqual([true, true, false])
  })

  it('adds no tokens for a clock that runs backwards', () => {
    const take = bucket({ burst: 1, perSecond: 1 }, 10_000)
    expect(take(10_000)).toBe(true)
    expect(take(5_000)).toBe(false)
    expect(take(5_500)).toBe(false)
  })
})
