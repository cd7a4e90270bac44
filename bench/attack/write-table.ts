import { readFile, writeFile } from 'node:fs/promises'

const PAGE = new URL('../../docs/threat-model.md', import.meta.url)
const BEGIN = '<!-- npm run attack -- --write: begin -->\n'
const END = '<!-- end -->'

type Row = Readonly<Record<string, string | number>>

/** Replaces the table of measured availability in docs/threat-model.md. */
export async function writeTable(rows: readonly Row[], notes: readonly string[]): Promise<void> {
  const page = await readFile(PAGE, 'utf8')
  const [before, rest] = page.split(BEGIN)
  const after = rest?.slice(rest.indexOf(END))
  if (before === undefined || after === undefined) throw new Error('the page has no table')
  const columns = Object.keys(rows[0] ?? {})
  const lines = [
    columns,
    columns.map(() => '---'),
    ...rows.map((row) => columns.map((key) => row[key])),
  ]
  const table = lines.map((cells) => `| ${cells.map((cell) => textOf(cell)).join(' | ')} |`)
  const remarks = notes.map((note) => `- ${note}`)
  await writeFile(PAGE, `${before}${BEGIN}${[...table, '', ...remarks].join('\n')}\n${after}`)
}

function textOf(cell: string | number | undefined): string {
  return cell === undefined || Number.isNaN(cell) ? '' : String(cell)
}
