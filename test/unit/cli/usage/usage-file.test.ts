import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { readUsage, UsageFile, usageCsv } from '../../../../cli/usage/index.ts'
import type { KeyUsage } from '../../../../gateway/index.ts'

const root = mkdtempSync(join(tmpdir(), 'skein-usage-'))
afterAll(() => rmSync(root, { recursive: true }))
let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(root, 'one-'))
})

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 10, 29, 12)
const used = (more: Partial<KeyUsage> = {}): KeyUsage => ({
  ...{ key: 'anna', model: 'm', outcome: 'answered', promptTokens: 10, completionTokens: 5 },
  ...more,
})

function zeroFrom(path: string, offset: number): void {
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0, offset))
}

function otherDatabase(path: string): void {
  rmSync(path)
  const database = new DatabaseSync(path)
  database.exec('CREATE TABLE other (a); PRAGMA user_version = 1')
  database.close()
}

function inItsPlace(path: string): void {
  rmSync(path)
  mkdirSync(path)
}

describe('the usage of a gateway', () => {
  it('is summed by key, model and day, and outlives the process', async () => {
    let nowMs = NOW_MS - DAY_MS
    for (const requests of [2, 1]) {
      using file = await UsageFile.open(directory, () => nowMs)
      for (let n = 0; n < requests; n += 1) file.add(used())
      nowMs = NOW_MS
    }
    using file = await UsageFile.open(directory, () => nowMs)
    file.add(used({ outcome: 'failed', model: '', promptTokens: 0, completionTokens: 0 }))
    file.add(used({ key: 'ben' }))
    // Read while the gateway writes.
    expect(await readUsage(directory, 7, NOW_MS)).toMatchObject([
      { day: '2026-11-28', key: 'anna', model: 'm', requests: 2, promptTokens: 20 },
      { day: '2026-11-29', key: 'anna', model: '', requests: 1, failed: 1 },
      { day: '2026-11-29', key: 'anna', model: 'm', requests: 1, completionTokens: 5 },
      { day: '2026-11-29', key: 'ben', model: 'm', requests: 1 },
    ])
    expect(await readUsage(directory, 1, NOW_MS)).toHaveLength(3)
  })

  it('is counted by gateways of one directory together', async () => {
    using one = await UsageFile.open(directory, () => NOW_MS)
    using other = await UsageFile.open(directory, () => NOW_MS)
    for (const file of [one, other, one]) file.add(used())
    one.add(used({ key: 'ben' }))
    expect(other.tokensOf('anna', NOW_MS)).toBe(45)
    expect(other.tokensOf('anna', NOW_MS + DAY_MS)).toBe(0)
    expect(other.tokensOf('carl', 0)).toBe(0)
  })

  it('is bounded in days, and in models whose names peers choose', async () => {
    let nowMs = NOW_MS
    using file = await UsageFile.open(directory, () => nowMs)
    for (let n = 0; n < 100; n += 1) file.add(used({ model: `m${n}` }))
    file.add(used({ model: 'm0' }))
    const rows = await readUsage(directory, 400, nowMs)
    expect(rows).toHaveLength(65)
    expect(rows.find(({ model }) => model === '(others)')?.requests).toBe(36)
    expect(rows.find(({ model }) => model === 'm0')?.requests).toBe(2)
    nowMs += 401 * DAY_MS
    file.add(used())
    expect(await readUsage(directory, 400, nowMs)).toHaveLength(1)
    // The old day is one row, which budgets still count.
    expect(await readUsage(directory, 402, nowMs)).toHaveLength(2)
    expect(file.tokensOf('anna', 0)).toBe(102 * 15)
    nowMs += 3_651 * DAY_MS
    file.add(used())
    expect(file.tokensOf('anna', 0)).toBe(15)
  })

  it('is empty before a gateway has counted, and refuses a file of a newer version', async () => {
    expect(await readUsage(directory, 30)).toEqual([])
    const database = new DatabaseSync(join(directory, 'usage.sqlite'))
    database.exec('PRAGMA user_version = 99')
    database.close()
    await expect(UsageFile.open(directory)).rejects.toThrow('newer version')
  })

  it.each<[string, (path: string) => void]>([
    ['garbage', (path) => writeFileSync(path, 'garbage '.repeat(100))],
    ['JSON', (path) => writeFileSync(path, '{"a":1}')],
    ['half of it', (path) => truncateSync(path, statSync(path).size / 2)],
    ['its header only', (path) => truncateSync(path, 100)],
    ['zeros from its second page on', (path) => zeroFrom(path, 4_096)],
    ['a database of another program', otherDatabase],
    ['a directory', inItsPlace],
  ])('is counted anew if the file is damaged, which is kept: %s', async (_, damage) => {
    const path = join(directory, 'usage.sqlite')
    {
      using file = await UsageFile.open(directory, () => NOW_MS)
      for (let n = 0; n < 100; n += 1) file.add(used({ key: `key ${n}` }))
    }
    const database = new DatabaseSync(path)
    database.exec('PRAGMA journal_mode = DELETE')
    database.close()
    damage(path)
    const told: string[] = []
    using file = await UsageFile.open(
      directory,
      () => NOW_MS,
      (message) => told.push(message),
    )
    file.add(used())
    expect(file.tokensOf('anna', 0)).toBe(15)
    expect(told).toEqual([expect.stringMatching(/usage\.sqlite is damaged.*budgets/)])
    expect(existsSync(`${path}.damaged`)).toBe(true)
  })
})

describe('usage as CSV', () => {
  it('quotes what needs it, and contains no formula', () => {
    const row = { day: '2026-11-29', requests: 1, failed: 0, promptTokens: 1, completionTokens: 2 }
    expect(usageCsv([{ ...row, key: '=cmd()', model: 'a,"b"' }])).toBe(
      `day,key,model,requests,failed,promptTokens,completionTokens\r\n2026-11-29,'=cmd(),"a,""b""",1,0,1,2\r\n`,
    )
  })
})
