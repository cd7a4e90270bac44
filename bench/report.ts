/** What a benchmark found: one row for each thing measured, and what it means. */
export interface Report {
  /** What was measured against what, in a sentence. */
  readonly title: string
  readonly rows: readonly Readonly<Record<string, string | number>>[]
  /** What dominates, and which goals are met. */
  readonly notes: readonly string[]
}

/** The value below which a share `p` of the values lie (nearest rank). */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * p) - 1))
  return sorted[rank] ?? Number.NaN
}

/** Three significant digits are more than these machines are worth. */
export function round(value: number): number {
  return Number(value.toPrecision(3))
}

/** A report as text: title, aligned columns, notes. */
export function formatReport(name: string, report: Report): string {
  const columns = [...new Set(report.rows.flatMap((row) => Object.keys(row)))]
  const cells = [columns, ...report.rows.map((row) => columns.map((key) => String(row[key] ?? '')))]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)))
  const table = cells.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const notes = report.notes.map((note) => `- ${note}`)
  return [`${name}: ${report.title}`, '', ...table, '', ...notes, ''].join('\n')
}
