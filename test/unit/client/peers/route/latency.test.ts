import { describe, expect, it } from 'vitest'
import { hedgeDelayMs } from '../../../../../client/peers/route/hedge-delay.ts'
import { LatencyModel } from '../../../../../client/peers/route/latency-model.ts'
import { TtftRatios } from '../../../../../client/peers/route/ttft-ratios.ts'

const claims = { prefillRate: 250, decodeRate: 0 }

describe('LatencyModel', () => {
  it('uses the peer’s claims until there is a measurement', () => {
    const model = new LatencyModel()
    expect(model.of('p', claims, 0)).toMatchObject({ prefillRate: 250, decodeRate: 20 })
    model.observePrefill('p', { tokens: 100, ms: 100 })
    model.observeDecode('p', { tokens: 50, ms: 1_000 })
    expect(model.of('p', claims, 0)).toMatchObject({ prefillRate: 1_000, decodeRate: 50 })
  })

  it('learns no rate from a few tokens or from zero time', () => {
    const model = new LatencyModel()
    model.observePrefill('p', { tokens: 15, ms: 100 })
    model.observeDecode('p', { tokens: 15, ms: 100 })
    model.observePrefill('p', { tokens: 100, ms: 0 })
    expect(model.of('p', claims, 0)).toMatchObject({ prefillRate: 250, decodeRate: 20 })
  })

  it('moves towards new measurements', () => {
    const model = new LatencyModel()
    model.observeRtt('p', 100)
    for (let i = 0; i < 20; i += 1) model.observeRtt('p', 10)
    expect(model.of('p', claims, 0).rttMs).toBeCloseTo(10, 0)
  })

  it('forgets half of a long wait in a minute, so a slow start does not count for ever', () => {
    const model = new LatencyModel()
    model.observeOverhead('p', 1_050, 0)
    const waits = [0, 60_000, 120_000].map((nowMs) => model.of('p', claims, nowMs).overheadMs)
    expect(waits).toEqual([1_050, 550, 300])
    model.observeOverhead('q', 10, 0)
    expect(model.of('q', claims, 600_000).overheadMs).toBe(10)
  })

  it('adopts a higher bound at once, and ignores a lower one', () => {
    const model = new LatencyModel()
    model.observeOverhead('p', 30, 0)
    model.raiseOverhead('p', 500, 0)
    model.raiseOverhead('p', 400, 0)
    expect(model.of('p', claims, 0).overheadMs).toBe(500)
  })

  it('is bounded', () => {
    const model = new LatencyModel()
    for (let i = 0; i < 2_000; i += 1) model.observeRtt(`p${i}`, 1)
    expect(model.size).toBe(1_024)
  })
})

describe('TtftRatios', () => {
  it('uses a peer’s own ratios from twenty on, before that those of all, and none of too few', () => {
    const ratios = new TtftRatios()
    for (let i = 1; i <= 19; i += 1) ratios.add('p', i)
    expect(ratios.p95('p')).toBeUndefined()
    ratios.add('q', 20)
    expect(ratios.p95('p')).toBe(19)
    ratios.add('p', 100)
    expect(ratios.p95('p')).toBe(19)
    expect(ratios.p95('q')).toBe(20)
    ratios.add('p', 100)
    expect(ratios.p95('p')).toBe(100)
  })

  it('forgets what is more than 128 answers ago', () => {
    const ratios = new TtftRatios()
    for (let i = 0; i < 128; i += 1) ratios.add('p', 50)
    for (let i = 0; i < 128; i += 1) ratios.add('p', 2)
    expect(ratios.p95('p')).toBe(2)
    expect(ratios.p95('q')).toBe(2)
  })
})

describe('hedgeDelayMs', () => {
  const cases: readonly [name: string, inputs: Parameters<typeof hedgeDelayMs>[0], ms: number][] = [
    ['scales the prediction', { predictedTtftMs: 200, p95Ratio: 1.5, othersTtftMs: [] }, 300],
    [
      'waits a tenth longer than an engine of constant speed takes',
      { predictedTtftMs: 1_000, p95Ratio: 0.999, othersTtftMs: [] },
      1_100,
    ],
    ['has a floor', { predictedTtftMs: 5, p95Ratio: 1.5, othersTtftMs: [] }, 50],
    [
      'waits longer without measurements',
      { predictedTtftMs: 100, p95Ratio: undefined, othersTtftMs: [] },
      400,
    ],
    [
      'has a floor without measurements',
      { predictedTtftMs: 1, p95Ratio: undefined, othersTtftMs: [] },
      250,
    ],
    [
      'is at most four times what a good one of the others takes',
      { predictedTtftMs: 9_000, p95Ratio: 3, othersTtftMs: [500, 900, 800, 100, 90] },
      400,
    ],
    [
      'stays at a quarter of a second or more under that bound without measurements',
      { predictedTtftMs: 9_000, p95Ratio: undefined, othersTtftMs: [1] },
      250,
    ],
    [
      'stays above the jitter of a network under that bound',
      { predictedTtftMs: 9_000, p95Ratio: 3, othersTtftMs: [1] },
      50,
    ],
    [
      'is the peer’s own delay if that is shorter',
      { predictedTtftMs: 40, p95Ratio: 2, othersTtftMs: [1_000] },
      80,
    ],
  ]
  it.each(cases)('%s', (_, inputs, ms) => {
    expect(hedgeDelayMs(inputs)).toBe(ms)
  })
})
