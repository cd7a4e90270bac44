/** A text table; each column is as wide as its widest cell. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  // A listing may have more rows than a call takes arguments.
  const widths = headings.map((heading, column) =>
    rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), heading.length),
  )
  return [headings, ...rows]
    .map((row) =>
      widths
        .map((width, column) => (row[column] ?? '').padEnd(width))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}
