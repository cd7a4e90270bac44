import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { SharedOptions } from '../../../cli/shared-options.ts'
import { openStandings } from '../../../cli/standings.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'skein-standings-'))
  const names = ['client', 'client+team', 'up', 'up-98022111', 'node-2@lab', 'swarms', 'bootstrap']
  for (const name of names) await mkdir(join(home, 'skein', name), { recursive: true })
})
afterEach(() => rm(home, { recursive: true, force: true }))

async function namesOf(options: object, reach?: 'everywhere'): Promise<readonly string[]> {
  const session = { env: { XDG_DATA_HOME: home }, terminal: { log: () => {} } as never }
  await using standings = await openStandings(session, options as SharedOptions, reach)
  return standings.all.map(({ dataDir }) => basename(dataDir)).toSorted()
}

it('opens the directories of one swarm, or of all processes of the user', async () => {
  expect(await namesOf({})).toEqual(['client', 'up'])
  expect(await namesOf({}, 'everywhere')).toEqual([
    ...['client', 'client+team', 'node-2@lab', 'up', 'up-98022111'],
  ])
})

it('opens a named directory alone', async () => {
  const dataDir = join(home, 'elsewhere')
  expect(await namesOf({ dataDir }, 'everywhere')).toEqual(['elsewhere'])
})
