import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { markEverywhere } from '../../../cli/marks.ts'
import type { SharedOptions } from '../../../cli/shared-options.ts'
import { openReputation } from '../../../client/index.ts'

const PEER = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'skein-marks-'))
  for (const name of ['client', 'up', 'node-2@lab']) {
    await mkdir(join(home, 'skein', name), { recursive: true })
  }
})
afterEach(() => rm(home, { recursive: true, force: true }))

async function mark(mark: 'denied' | undefined, options: object = {}): Promise<void> {
  const session = { env: { XDG_DATA_HOME: home }, terminal: { log: () => {} } as never }
  await markEverywhere(session, options as SharedOptions, PEER, mark)
}

async function markIn(dataDir: string): Promise<unknown> {
  await using saved = await openReputation(dataDir, Date.now)
  return saved.reputation.markOf(PEER)
}

const marks = async (): Promise<unknown[]> =>
  await Promise.all(['client', 'up', 'node-2@lab'].map((name) => markIn(join(home, 'skein', name))))

it('stores a mark for all processes of the user, of whatever swarm, and takes it back', async () => {
  await mark('denied')
  expect(await marks()).toEqual(['denied', 'denied', 'denied'])
  await mark(undefined)
  expect(await marks()).toEqual([undefined, undefined, undefined])
})

it('stays in a data directory that is named', async () => {
  const dataDir = join(home, 'elsewhere')
  await mark('denied', { dataDir })
  expect(await markIn(dataDir)).toBe('denied')
  expect(await marks()).toEqual([undefined, undefined, undefined])
})

it('names a directory that cannot be written, and stores the mark in the others', async () => {
  const up = join(home, 'skein', 'up')
  // No lock can be taken.
  await writeFile(join(up, 'reputation.lock'), '')
  await expect(mark('denied')).rejects.toMatchObject({
    ...{ code: 'internal', message: expect.stringContaining(up) },
  })
  expect(await markIn(join(home, 'skein', 'client'))).toBe('denied')
  expect(await markIn(join(home, 'skein', 'node-2@lab'))).toBe('denied')
})
