import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** What reads the time or waits for it. */
const TIMERS =
  /performance\.now|Date\.now|\bset(?:Timeout|Interval)\(|AbortSignal\.timeout|node:timers/

/** Files that have no clock of timing/, each with its reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'client/trust/saved-reputation.ts': 'saves in the background',
  'host/data-dir-lock.ts': 'waits for a file lock',
}

const COMMENT = /^\s*(?:\/?\*|\/\/)/

/** Where the wall clock is the default of a public option. */
const DEFAULTS = /(?:now = |now \?\? )Date\.now|openReputation\(init\.dataDir, Date\.now\)/

it('reads the time nowhere outside of timing/', () => {
  const files = globSync('{client,node,host,ledger}/**/*.ts')
  expect(files.length).toBeGreaterThan(200)
  const found = files
    .filter((file) => !(file in EXCEPTIONS))
    .flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line, at) =>
          TIMERS.test(line) && !COMMENT.test(line) && !DEFAULTS.test(line)
            ? [`${file}:${at + 1}: ${line.trim()}`]
            : [],
        ),
    )
  expect(found, 'take a Clock of timing/ instead').toEqual([])
})

it('lists no exception that no longer applies', () => {
  for (const file of Object.keys(EXCEPTIONS)) expect(readFileSync(file, 'utf8')).toMatch(TIMERS)
})
