import { expect, it } from 'vitest'
import { apiReport } from '../../checks/api-report.ts'
import { compile } from '../../checks/doc-examples.ts'

it('reports what a door exports and the declarations that it leads to, without comments', () => {
  const report = apiReport([{ specifier: 'skein/check', file: 'checks/check.ts' }])
  expect(report.slice(report.indexOf('declare module'))).toBe(`declare module 'skein/check' {
  export {
    Check,
    Findings,
  }
}


interface Findings {
    readonly faults: readonly string[];
    readonly summary: string;
}
type Check = (update: boolean) => Findings | Promise<Findings>;
`)
})

it('names the line of an example that does not compile, and imports what its file exports', () => {
  const file = 'checks/check.ts'
  const code = [
    'const none: Findings = { faults: [], summary: "" }',
    'const n: number = none.summary',
  ]
  expect(compile([{ file, line: 7, code: code.join('\n') }])).toEqual([
    "checks/check.ts:9: Type 'string' is not assignable to type 'number'.",
  ])
})
