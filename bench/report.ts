/** The result of a benchmark: one row for each measurement, with notes. */
export interface Report {
  /** The measurement and its reference, in one sentence. */
  readonly title: string
  readonly rows: readonly Readonly<Record<string, string | number>>[]
  /** The dominant costs, and the goals met. */
  readonly notes: readonly string[]
}

/** Prints a row to stderr once it is measured: a long benchmark that is stopped keeps what it found. */
export function printRow(row: Report['rows'][number]): void {
  const cells = Object.entries(row).map(([name, value]) => `${name}: ${value}`)
  console.error(cells.join(' | '))
}

/** The value below which a share `p` of the values lie (nearest rank). */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * p) - 1))
  return sorted[rank] ?? Number.NaN
}

/** Rounds to three significant digits, more than the measurements support. */
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
