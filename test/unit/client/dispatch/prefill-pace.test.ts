import { describe, expect, it } from 'vitest'
import { PrefillPace } from '../../../../client/dispatch/prefill-pace.ts'

describe('PrefillPace', () => {
  const read = (tokens: number) => ({ phase: 'prefill', tokens, of: 1_000 }) as const

  it('knows the rest after two reports', () => {
    const pace = new PrefillPace()
    expect(pace.restMs(read(100), 0)).toBeUndefined()
    expect(pace.restMs(read(100), 50)).toBeUndefined()
    expect(pace.restMs(read(400), 3_000)).toBe(6_000)
    expect(pace.restMs({ phase: 'working' }, 4_000)).toBeUndefined()
  })

  it('knows nothing from a report of no progress', () => {
    const pace = new PrefillPace()
    pace.restMs(read(100), 0)
    expect(pace.restMs(read(400), 3_000)).toBe(6_000)
    expect(pace.restMs(read(400), 4_000)).toBeUndefined()
    expect(pace.restMs(read(300), 5_000)).toBeUndefined()
  })

  it('does not let a peer put the end off for ever', () => {
    const pace = new PrefillPace()
    const waits = [0, 1_000, 2_000, 60_000].map((nowMs) => pace.waitUntilMs(1_000, nowMs))
    expect(waits).toEqual([2_500, 3_000, 3_000, 3_000])
  })
})
