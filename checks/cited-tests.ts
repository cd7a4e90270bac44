/** Each claim of a page about attacks names the test that holds it. */
import { existsSync, readFileSync } from 'node:fs'
import type { Findings } from './check.ts'

const PAGE = 'docs/threat-model.md'
/** A row with this says that there is nothing to test. */
const UNDEFENDED = '| no defence'
const ROW = /^\| (?!threat \||-)(.*) \|$/
const TEST = /`((?:test|bench)\/[^`]+\.ts)`/g

/** @returns one line for each row of the tables of threats that cites no test, and for each cited file that does not exist */
export function citedTestFaults(
  page: string,
  text: string,
  exists: (path: string) => boolean,
): string[] {
  const faults: string[] = []
  let isTable = false
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('| threat |')) isTable = true
    else if (!line.startsWith('|')) isTable = false
    const cited = [...line.matchAll(TEST)].map(([, path = '']) => path)
    const where = `${page}:${index + 1}`
    for (const path of cited) {
      if (!exists(path))
        faults.push(`${where}: ${path} does not exist: cite the test that replaced it`)
    }
    const isClaim = isTable && ROW.test(line) && !line.includes(UNDEFENDED)
    if (isClaim && cited.length === 0) {
      faults.push(
        `${where}: the row cites no test: name the file that would fail without the defence`,
      )
    }
  }
  return faults
}

export function checkCitedTests(): Findings {
  const text = readFileSync(PAGE, 'utf8')
  const count = [...text.matchAll(TEST)].length
  return {
    faults: citedTestFaults(PAGE, text, existsSync),
    summary: `${count} citations of tests`,
  }
}
