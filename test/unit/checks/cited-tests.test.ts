import { describe, expect, it } from 'vitest'
import { citedTestFaults } from '../../../checks/cited-tests.ts'

const table = (...rows: string[]): string =>
  ['# Threats', '', '| threat | what Skein does |', '|---|---|', ...rows, '', 'Text.'].join('\n')
const faultsOf = (text: string): string[] =>
  citedTestFaults('page.md', text, (path) => path === 'test/a.test.ts')

describe('citedTestFaults', () => {
  it('accepts rows with tests, rows without a defence, and other tables', () => {
    const rows = ['| lies | audits (`test/a.test.ts`) |', '| watches | no defence: visible |']
    expect(faultsOf(`${table(...rows)}\n\n| attack | asked |\n|---|---|\n| quiet | 68 |`)).toEqual(
      [],
    )
  })

  it('names a row without a test', () => {
    expect(faultsOf(table('| lies | audits |'))).toEqual([
      expect.stringMatching(/^page\.md:5: the row cites no test/),
    ])
  })

  it('names a file that does not exist, in the text as well', () => {
    const text = `${table('| lies | audits (`test/a.test.ts`, `test/b.test.ts`) |')}\n\`bench/c.ts\``
    expect(faultsOf(text)).toEqual([
      expect.stringMatching(/^page\.md:5: test\/b\.test\.ts does not exist/),
      expect.stringMatching(/^page\.md:8: bench\/c\.ts does not exist/),
    ])
  })
})
