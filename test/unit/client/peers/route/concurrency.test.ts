import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConcurrencyLimits } from '../../../../../client/peers/route/concurrency.ts'
import { InFlight } from '../../../../../client/peers/route/in-flight.ts'

const observe = (
  limits: ConcurrencyLimits,
  samples: readonly number[],
  inFlight: (limit: number) => number,
): number[] =>
  samples.map((sample) => {
    limits.observe('p', sample, inFlight(limits.of('p')))
    return limits.of('p')
  })
const times = (count: number, sample: number): number[] => Array<number>(count).fill(sample)

describe('ConcurrencyLimits', () => {
  it('begins at eight, and grows while answers begin as fast as ever', () => {
    const limits = new ConcurrencyLimits()
    expect(limits.of('p')).toBe(8)
    const grown = observe(limits, times(200, 1), (limit) => limit)
    expect(grown.at(-1)).toBeGreaterThan(50)
    expect(grown).toEqual(grown.toSorted((a, b) => a - b))
  })

  it('does not grow where less than half of it is used', () => {
    const limits = new ConcurrencyLimits()
    expect(observe(limits, times(200, 1), () => 3).at(-1)).toBe(8)
  })

  it('shrinks while answers begin more slowly, and recovers when they do not', () => {
    const limits = new ConcurrencyLimits()
    const before = observe(limits, times(60, 1), (limit) => limit).at(-1) ?? 0
    const slow = observe(limits, times(10, 20), (limit) => limit).at(-1) ?? 0
    expect(slow).toBeLessThan(before / 2)
    const after = observe(limits, times(200, 1), (limit) => limit).at(-1) ?? 0
    expect(after).toBeGreaterThan(before)
  })

  it('soon follows the present after a long time that was much worse', () => {
    const limits = new ConcurrencyLimits()
    observe(limits, times(100, 100), () => 1)
    observe(limits, times(50, 1), () => 1)
    const before = limits.of('p')
    // Five times as slow as now, and much faster than before.
    observe(limits, times(3, 5), () => 1)
    expect(limits.of('p')).toBeLessThan(before)
  })

  it('stays between 2 and 512, whatever is measured', () => {
    const samples = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { maxLength: 400 })
    fc.assert(
      fc.property(samples, fc.integer({ min: 0, max: 600 }), (given, inFlight) => {
        const limits = new ConcurrencyLimits()
        for (const limit of observe(limits, given, () => inFlight)) {
          expect(limit).toBeGreaterThanOrEqual(2)
          expect(limit).toBeLessThanOrEqual(512)
        }
      }),
    )
  })
})

describe('InFlight', () => {
  it('counts until disposed', () => {
    const inFlight = new InFlight()
    const first = inFlight.enter('p')
    const second = inFlight.enter('p')
    expect(inFlight.of('p')).toBe(2)
    first[Symbol.dispose]()
    second[Symbol.dispose]()
    expect([inFlight.of('p'), inFlight.total]).toEqual([0, 0])
  })
})
