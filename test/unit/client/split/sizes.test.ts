import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shardSize } from '../../../../client/split/shard-size.ts'
import { mayCopy, slowAtMs } from '../../../../client/split/stragglers.ts'
import { grown, initialWindow, shrunk } from '../../../../client/split/window.ts'

describe('the size of a shard', () => {
  it('is at least one item and at most the rest', () => {
    const positive = fc.integer({ min: 1, max: 100_000 })
    const times = fc.option(fc.integer({ min: 1, max: 10_000 }), { nil: undefined })
    fc.assert(
      fc.property(positive, positive, times, (left, concurrency, itemMs) => {
        const size = shardSize(left, concurrency, itemMs)
        expect(size).toBeGreaterThanOrEqual(1)
        expect(size).toBeLessThanOrEqual(Math.min(left, 512))
      }),
    )
  })

  it('shrinks with the rest, and is bounded by time', () => {
    expect(shardSize(1_000, 10, 10)).toBe(50)
    expect(shardSize(100, 10, 10)).toBe(5)
    expect(shardSize(10_000, 1, 1_000)).toBe(2)
    expect(shardSize(100, 10, 1)).toBe(50)
  })
})

describe('the window of concurrent parts', () => {
  it('grows to what the slots can use, and shrinks once when peers are busy', () => {
    let state = initialWindow(4)
    expect(state.size).toBe(8)
    state = shrunk(shrunk(state, 1_000), 1_100)
    expect(state.size).toBeCloseTo(5.6)
    for (let answers = 0; answers < 1_000; answers++) state = grown(state, 4)
    expect(state.size).toBe(8)
    expect(grown(initialWindow(0), 0).size).toBe(9)
  })
})

describe('a straggler', () => {
  it('is detected with enough samples and a clear margin', () => {
    const part = { id: 0, items: [0, 1], startedMs: 1_000 }
    expect(slowAtMs(part, { medianMs: 100, count: 2 })).toBeUndefined()
    expect(slowAtMs(part, { medianMs: 100, count: 3 })).toBe(1_600)
    expect(slowAtMs(part, { medianMs: 1, count: 3 })).toBe(1_250)
  })

  it('is copied while copies are at most a tenth of the work', () => {
    expect(mayCopy(5, 0, 5)).toBe(true)
    expect(mayCopy(1, 9, 100)).toBe(true)
    expect(mayCopy(2, 9, 100)).toBe(false)
  })
})
