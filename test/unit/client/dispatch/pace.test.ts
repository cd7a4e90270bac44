import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Pace } from '../../../../client/dispatch/pace.ts'

const limits = { stallFloorMs: 100, minTokensPerSecond: 1, throughputWindowMs: 1_000 }

function paced(gaps: readonly number[]): Pace {
  const pace = new Pace(limits)
  for (const gap of gaps) pace.waited(gap, 1)
  return pace
}
const times = (count: number, gapMs: number): number[] => Array<number>(count).fill(gapMs)

describe('the gap that counts as a stall', () => {
  it.each([
    ['four floors while the pace is unknown', times(7, 500), 400],
    ['the floor for a fast answer', times(50, 2), 100],
    ['five times the median for a slow one', times(50, 40), 200],
    ['the 99th percentile if that is more', [...times(120, 10), 900, 900], 900],
  ])('is %s', (_, gaps, stallMs) => {
    expect(paced(gaps).stallMs()).toBe(stallMs)
  })

  it('is that of the last 128 gaps, whatever their order', () => {
    const gap = fc.integer({ min: 0, max: 2_000 })
    fc.assert(
      fc.property(fc.array(gap, { minLength: 8, maxLength: 300 }), (gaps) => {
        const sorted = gaps.slice(-128).sort((a, b) => a - b)
        const at = (quantile: number): number => sorted[Math.floor(quantile * sorted.length)] ?? 0
        expect(paced(gaps).stallMs()).toBe(Math.max(100, 5 * at(0.5), at(0.99)))
      }),
    )
  })

  it('ignores older gaps', () => {
    expect(paced([...times(10, 5_000), ...times(128, 2)]).stallMs()).toBe(100)
  })

  it('doubles with each action within one gap, until the next piece', () => {
    const pace = paced(times(50, 40))
    pace.stalled()
    pace.stalled()
    expect(pace.stallMs()).toBe(800)
    pace.waited(40, 0)
    expect(pace.stallMs()).toBe(800)
    pace.waited(40, 1)
    expect(pace.stallMs()).toBe(200)
  })
})

describe('an answer', () => {
  it('is too slow by the tokens of a full window of waiting, and is judged again in the next', () => {
    const pace = new Pace(limits)
    expect([pace.waited(900, 1), pace.waited(300, 0), pace.waited(900, 1)]).toEqual([
      ...[false, false, true],
    ])
    expect([pace.waited(500, 1), pace.waited(500, 1)]).toEqual([false, false])
  })

  it('is not made faster by empty pieces', () => {
    const pace = new Pace(limits)
    for (let i = 0; i < 100; i += 1) expect(pace.waited(30, 0)).toBe(false)
    expect(pace.waited(30, 1)).toBe(true)
  })
})
