import { describe, expect, it } from 'vitest'
import { compare, type HeldFigure, readBaseline, rebase } from '../../../bench/baseline.ts'
import { BENCHMARKS, UNHELD } from '../../../bench/benchmarks.ts'

const report = {
  title: '',
  notes: [],
  rows: [
    { policy: 'single', nodes: 2, 'p99 ratio': 1, failed: 0 },
    { policy: 'hedge', nodes: 2, 'p99 ratio': 3.5, failed: 1 },
  ],
}
const hedge = { row: { policy: 'hedge' }, figure: 'p99 ratio', better: 'higher' } as const
const check = (...figures: HeldFigure[]) => compare(report, { quick: true, figures })
const passes = (figure: HeldFigure): boolean | undefined => check(figure)[0]?.passes

describe('a held figure', () => {
  it('may be worse than its baseline by the tolerance, and no more', () => {
    expect(passes({ ...hedge, baseline: 3.5 })).toBe(true)
    expect(passes({ ...hedge, baseline: 3.6 })).toBe(false)
    expect(passes({ ...hedge, baseline: 4, tolerance: 0.2 })).toBe(true)
    expect(passes({ ...hedge, baseline: 5, tolerance: 0.2 })).toBe(false)
    expect(passes({ ...hedge, better: 'lower', baseline: 3, tolerance: 0.2 })).toBe(true)
    expect(passes({ ...hedge, better: 'lower', baseline: 2.5, tolerance: 0.2 })).toBe(false)
  })

  it('keeps its budget, whatever the baseline allows', () => {
    const failed = { row: { policy: 'hedge' }, figure: 'failed', better: 'lower' } as const
    expect(passes({ ...failed, limit: 1 })).toBe(true)
    expect(passes({ ...failed, limit: 0 })).toBe(false)
    expect(passes({ ...failed, baseline: 5, limit: 0 })).toBe(false)
    expect(passes({ ...hedge, baseline: 1, limit: 4 })).toBe(false)
  })

  it('does not pass where its row or figure is gone, or not the only one', () => {
    expect(passes({ ...hedge, row: { policy: 'race' }, limit: 0 })).toBe(false)
    expect(passes({ ...hedge, figure: 'p50 ratio', limit: 0 })).toBe(false)
    expect(passes({ ...hedge, row: { nodes: 2 }, limit: 0 })).toBe(false)
  })

  it('says the figure, its baseline and its bound', () => {
    expect(check({ ...hedge, baseline: 4, tolerance: 0.25 })).toEqual([
      { text: 'hedge: p99 ratio 3.5 (baseline 4, at least 3)', passes: true },
    ])
  })
})

it('takes the figures of a run as the new baseline and leaves budgets alone', () => {
  const figures = [
    { ...hedge, baseline: 2, tolerance: 0.1 },
    { ...hedge, limit: 3 },
  ]
  expect(rebase(report, { quick: true, figures }).figures).toEqual([
    { ...hedge, baseline: 3.5, tolerance: 0.1 },
    { ...hedge, limit: 3 },
  ])
})

it('stores a bound for every figure', () => {
  const figures = Object.values(readBaseline()).flatMap((held) => held.figures)
  expect(figures.length).toBeGreaterThan(0)
  for (const { baseline, limit } of figures) expect(baseline ?? limit).toBeTypeOf('number')
})

it('holds every benchmark, or says why not', () => {
  const listed = [...Object.keys(readBaseline()), ...Object.keys(UNHELD)]
  expect(listed).toHaveLength(Object.keys(BENCHMARKS).length)
  expect(new Set(listed)).toEqual(new Set(Object.keys(BENCHMARKS)))
})
