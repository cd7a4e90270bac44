import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { commandBlocks } from '../../../testing/marked-blocks.ts'

const PAGE = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')

/** Commands that no machine of the page's team runs in its test, and where each is tried instead. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'skein pull': 'test/integration/cli-models.test.ts',
  'skein models --local': 'test/integration/cli-models.test.ts',
  'skein rm': 'test/integration/cli-models.test.ts',
  'skein load': 'test/integration/cli-models.test.ts',
  'skein unload': 'test/integration/cli-models.test.ts',
  'skein gateway usage': 'with --csv by the team',
  'skein service':
    'needs systemd or launchd: test/integration/cli-service.test.ts, with a stand-in',
  'npm install': 'needs a registry',
  docker: 'needs a container engine',
}

const blocks = commandBlocks(PAGE)

describe('docs/operations.md', () => {
  it('says for each command where it runs, unless this test says why it does not', () => {
    const unmarked = blocks
      .filter(({ machines }) => machines.length === 0)
      .flatMap((block) => block.commands)
    const reasons = Object.keys(ELSEWHERE)
    for (const line of unmarked) {
      expect(
        reasons.some((start) => line.startsWith(start)),
        `${line}: mark its block with the machine that runs it`,
      ).toBe(true)
    }
    for (const start of reasons) {
      expect(
        unmarked.some((line) => line.startsWith(start)),
        `${start} is not on the page any longer`,
      ).toBe(true)
    }
  })
})
