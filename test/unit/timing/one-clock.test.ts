import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** What reads the time or waits for it. */
const TIMERS =
  /performance\.now|Date\.now|\bset(?:Timeout|Interval)\(|AbortSignal\.timeout|node:timers/

const COMMENT = /^\s*(?:\/?\*|\/\/)/

it('reads the time nowhere outside of timing/', () => {
  const files = globSync('{client,node,host,ledger}/**/*.ts')
  expect(files.length).toBeGreaterThan(200)
  const found = files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, at) =>
        TIMERS.test(line) && !COMMENT.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [],
      ),
  )
  expect(found, 'take a Clock of timing/ instead').toEqual([])
})
