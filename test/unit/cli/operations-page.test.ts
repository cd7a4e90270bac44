import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { beforeAll, describe, expect, it } from 'vitest'
import { CATALOG } from '../../../cli/commands/index.ts'
import type { Runtime } from '../../../cli/runtime.ts'
import { commandBlocks } from '../../../testing/marked-blocks.ts'

const PAGE = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')

/** Commands that no machine of the page's team runs in its test, and where each is tried instead. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'skein pull': 'a download from the Internet: test/unit/cli/control',
  'skein models --local': 'test/unit/cli/control',
  'skein rm': 'test/unit/cli/control',
  'skein load': 'test/unit/cli/control',
  'skein unload': 'test/unit/cli/control',
  'skein gateway usage': 'with --csv by the team',
  'skein service': 'needs systemd or launchd: test/unit/cli/service',
  'npm install': 'needs a registry',
  docker: 'needs a container engine',
}

const blocks = commandBlocks(PAGE)
const commands = blocks.flatMap((block) => block.commands)
const skein = commands.filter((line) => line.startsWith('skein '))
let known: ReadonlyMap<string, Command>

beforeAll(async () => {
  const runtime = { action: () => () => {} } as unknown as Runtime
  const loaded = Object.entries(CATALOG).map(
    async ([name, { load }]) => [name, (await load())(runtime)] as const,
  )
  known = new Map(await Promise.all(loaded))
})

describe('docs/operations.md', () => {
  it.each(skein)('%s: command and options exist', (line) => {
    const words = line
      .replaceAll(/'[^']*'/g, 'TEXT')
      .split(/\s+/)
      .slice(1)
    let command = known.get(words[0] ?? '')
    expect(command, `skein ${words[0]}`).toBeDefined()
    for (const word of words.slice(1)) {
      if (word === '--') break
      const child = command?.commands.find(
        (each) => each.name() === word || each.aliases().includes(word),
      )
      command = child ?? command
      if (!word.startsWith('--')) continue
      const options = command?.options.map(({ long }) => long)
      expect(options, `options of skein ${command?.name()}`).toContain(word)
    }
  })

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
