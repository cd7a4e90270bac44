import { parseArgs } from 'node:util'
import { checkApi } from './api-report.ts'
import type { Check } from './check.ts'
import { checkCommits } from './commits.ts'
import { checkDialects } from './dialects.ts'
import { checkDocExamples } from './doc-examples.ts'
import { checkLockfile } from './lockfile.ts'
import { checkSettings } from './settings.ts'
import { checkSignatures } from './signatures.ts'
import { checkWords } from './words.ts'

/** Every check by the name that CONTRIBUTING.md and `.ci/run` cite. */
const CHECKS: Readonly<Record<string, Check>> = {
  api: checkApi,
  commits: checkCommits,
  dialects: checkDialects,
  lockfile: checkLockfile,
  'doc-examples': checkDocExamples,
  settings: checkSettings,
  signatures: checkSignatures,
  words: checkWords,
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { update: { type: 'boolean' } },
})
for (const name of positionals.length > 0 ? positionals : Object.keys(CHECKS)) {
  const check = CHECKS[name]
  if (check === undefined) {
    console.error(`no check '${name}'; there are: ${Object.keys(CHECKS).join(', ')}`)
    process.exit(2)
  }
  const { faults, summary } = await check(values.update ?? false)
  for (const fault of faults) console.error(`${name}: ${fault}`)
  if (faults.length === 0) console.log(`${name}: ${summary}`)
  else process.exitCode = 1
}
