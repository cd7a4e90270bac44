import type { UsageRow } from './usage-file.ts'

const COLUMNS = [
  'day',
  'key',
  'model',
  'requests',
  'failed',
  'promptTokens',
  'completionTokens',
] as const

/** As RFC 4180 has it, with a head. A name that a spreadsheet would take for a formula is preceded by an apostrophe. */
export function usageCsv(rows: readonly UsageRow[]): string {
  const lines = rows.map((row) => COLUMNS.map((column) => cell(row[column])).join(','))
  return `${[COLUMNS.join(','), ...lines].join('\r\n')}\r\n`
}

function cell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
