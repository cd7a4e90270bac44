import { describe, expect, it } from 'vitest'
import { backoffMs, EQUAL_JITTER, QUARTER_JITTER } from '../../../timing/index.ts'

describe('backoffMs', () => {
  const init = { minMs: 500, maxMs: 30_000 }

  it('doubles from the minimum to the maximum, however many retries there were', () => {
    expect([0, 1, 2, 3, 10, 1_000, 1e9].map((attempt) => backoffMs(attempt, init))).toEqual([
      500, 1_000, 2_000, 4_000, 30_000, 30_000, 30_000,
    ])
  })

  it('draws the factor between the ends of the jitter', () => {
    const equal = { ...init, jitter: EQUAL_JITTER }
    expect([0, 0.5, 1].map((random) => backoffMs(3, equal, random))).toEqual([2_000, 3_000, 4_000])
    const quarter = { ...init, jitter: QUARTER_JITTER }
    expect([0, 0.5, 1].map((random) => backoffMs(3, quarter, random))).toEqual([
      3_000, 4_000, 5_000,
    ])
  })
})
