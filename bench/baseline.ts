/**
 * Bounds that `npm run bench -- --check` holds a report to: figures of an earlier run, and budgets that a figure may never
 * exceed whatever it was before. Only ratios, shares and counts: milliseconds of one machine say nothing of another.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Report } from './report.ts'

const FILE: URL = new URL('./baseline.json', import.meta.url)

/** One figure of one row. */
export interface HeldFigure {
  /** Cells that the row has; together they name one row of the report. */
  readonly row: Readonly<Record<string, string | number>>
  /** The column. */
  readonly figure: string
  readonly better: 'higher' | 'lower'
  /** The figure of the run that was stored. Absent for a mere budget. */
  readonly baseline?: number
  /** How much worse than the baseline a run may be, as a share of it. @default 0: not at all */
  readonly tolerance?: number
  /** A budget: the worst value allowed, whatever the baseline. @default none */
  readonly limit?: number
}

export interface HeldBenchmark {
  /** Whether it runs with `--quick`: a baseline holds for one size only. */
  readonly quick: boolean
  readonly figures: readonly HeldFigure[]
}

/** Benchmarks by their name. */
export type Baseline = Readonly<Record<string, HeldBenchmark>>

export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Baseline
}

export function writeBaseline(baseline: Baseline): void {
  writeFileSync(FILE, `${JSON.stringify(baseline, null, 2)}\n`)
}

export interface Held {
  /** `name: row figure: value, baseline …, at most …`. */
  readonly text: string
  readonly passes: boolean
}

/** Compares a report with the baseline; pure. A figure missing from the report fails. */
export function compare(report: Report, { figures }: HeldBenchmark): Held[] {
  return figures.map((held) => {
    const value = find(report, held)
    const worst = worstOf(held)
    const bound = `${held.better === 'lower' ? 'at most' : 'at least'} ${worst}`
    const stored = held.baseline === undefined ? '' : `baseline ${held.baseline}, `
    const name = `${Object.values(held.row).join(' ')}: ${held.figure}`
    if (value === undefined) return { text: `${name} is not in the report`, passes: false }
    const passes = held.better === 'lower' ? value <= worst : value >= worst
    return { text: `${name} ${value} (${stored}${bound})`, passes }
  })
}

/** The same figures with the values of this report as their baseline; budgets stay. */
export function rebase(report: Report, { quick, figures }: HeldBenchmark): HeldBenchmark {
  return {
    quick,
    figures: figures.map((held) => {
      const value = find(report, held)
      return held.baseline === undefined || value === undefined
        ? held
        : { ...held, baseline: value }
    }),
  }
}

/** The stricter of what baseline and budget allow. */
function worstOf({ better, baseline, tolerance = 0, limit }: HeldFigure): number {
  const sign = better === 'lower' ? 1 : -1
  const allowed = baseline === undefined ? sign * Infinity : baseline * (1 + sign * tolerance)
  const budget = limit ?? sign * Infinity
  const worst = better === 'lower' ? Math.min(allowed, budget) : Math.max(allowed, budget)
  return Number(worst.toPrecision(4))
}

function find({ rows }: Report, { row, figure }: HeldFigure): number | undefined {
  const cells = Object.entries(row)
  const matching = rows.filter((one) => cells.every(([column, cell]) => one[column] === cell))
  const value = matching.length === 1 ? matching[0]?.[figure] : undefined
  return typeof value === 'number' ? value : undefined
}
