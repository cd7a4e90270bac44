import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Key } from 'interface-datastore'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openDatastore } from '../../../host/open-datastore.ts'

const RECORDS = 300
let directory: string
let path: string
let faults: string[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-datastore-'))
  path = join(directory, 'datastore')
  faults = []
})
afterEach(() => rm(directory, { recursive: true }))

const open = () => openDatastore(path, (message) => faults.push(message))

/** Damages the log, in which LevelDB keeps what was written last. */
async function damage(change: (log: Buffer) => Buffer): Promise<void> {
  const datastore = await open()
  for (let n = 0; n < RECORDS; n += 1) {
    await datastore.put(new Key(`/record/${n}`), new Uint8Array(200).fill(n))
  }
  await datastore.close()
  const name = (await readdir(path)).find((file) => file.endsWith('.log')) ?? ''
  const log = join(path, name)
  await writeFile(log, change(await readFile(log)))
}

async function records(): Promise<number> {
  const datastore = await open()
  const all = await Array.fromAsync(datastore.query({}))
  await datastore.close()
  return all.length
}

it.each([
  ['a byte', (log: Buffer) => log.fill(log.readUInt8(20_000) ^ 255, 20_000, 20_001)],
  ['a hole', (log: Buffer) => log.fill(0, 10_000, 20_000)],
])('says once that records were lost to %s', async (_, change) => {
  await damage(change)
  expect(await records()).toBeLessThan(RECORDS)
  expect(faults).toEqual([expect.stringMatching(/was damaged: \d+ bytes of records .* lost/)])
  await records()
  expect(faults).toHaveLength(1)
})

it('says nothing of records that are whole, or cut short by a crash', async () => {
  await damage((log) => log)
  expect(await records()).toBe(RECORDS)
  await rm(path, { recursive: true })
  await damage((log) => log.subarray(0, -100))
  expect(await records()).toBe(RECORDS - 1)
  expect(faults).toEqual([])
})

it('replaces a datastore that cannot be opened, and says so', async () => {
  await damage((log) => log)
  await writeFile(join(path, 'CURRENT'), 'garbage')
  expect(await records()).toBe(0)
  expect(faults).toEqual([expect.stringMatching(/was damaged: moved to/)])
})
