import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openReputation } from '../../../../client/trust/saved-reputation.ts'

const FAILED = { outcome: 'failed', hardMisses: 0, logRatio: 0 } as const
const PASSED = { outcome: 'passed', hardMisses: 0, logRatio: 0 } as const
const SPEC = 'sha256:aa/'

let dir: string
/** Each look at the clock is a millisecond later. */
let nowMs: number
const now = (): number => (nowMs += 1)
const open = () => openReputation(dir, now)
const saved = async (): Promise<string> => await readFile(join(dir, 'reputation.json'), 'utf8')

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'skein-reputation-'))
  nowMs = 1_700_000_000_000
})

afterEach(() => rm(dir, { recursive: true, force: true }))

describe('standings in one directory', () => {
  it('lose nothing when many save at once, and leave no drafts', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, open))
    for (const [n, { reputation }] of all.entries()) {
      for (let peer = 0; peer < 100 * (n % 2) + 20; peer += 1) {
        reputation.audited(`peer-${n}-${peer}`, SPEC, PASSED)
      }
      reputation.audited('shared', SPEC, PASSED)
    }
    await Promise.all(all.map((one) => one[Symbol.asyncDispose]()))
    expect(JSON.parse(await saved()).peers).toHaveLength(2 * 120 + 3 * 20 + 1)
    await using again = await open()
    expect(again).toMatchObject({ broken: false, dropped: 0 })
    expect(again.reputation.report('shared')[0]?.audits).toBe(5)
    expect((await readdir(dir)).toSorted()).toEqual(['reputation.json', 'reputation.lock'])
  })

  it('add up strikes that several clients found', async () => {
    const all = await Promise.all([open(), open(), open()])
    for (const { reputation } of all) reputation.audited('peer', SPEC, FAILED)
    for (const one of all) await one[Symbol.asyncDispose]()
    await using again = await open()
    expect(again.reputation.isQuarantined('peer', SPEC)).toBe(true)
  })

  it('of a newer version are left as they are', async () => {
    const newer = JSON.stringify({ version: 2, standings: {} })
    await writeFile(join(dir, 'reputation.json'), newer)
    const faults: string[] = []
    await using here = await openReputation(dir, now, (message) => faults.push(message))
    here.reputation.audited('peer', SPEC, FAILED)
    await expect(here.save()).rejects.toThrow('newer version of Skein')
    expect(faults).toEqual([expect.stringContaining('newer version of Skein')])
    expect(await saved()).toBe(newer)
  })

  it('forget a peer in a running gateway, too, with its earlier lessons', async () => {
    await using gateway = await open()
    for (let n = 0; n < 3; n += 1) gateway.reputation.audited('peer', SPEC, FAILED)
    await gateway.save()
    // Learned, not saved yet.
    gateway.reputation.audited('peer', SPEC, FAILED)
    {
      await using command = await open()
      expect(command.reputation.forget('peer')).toBe(1)
    }
    await gateway.refresh()
    expect(gateway.reputation.isQuarantined('peer', SPEC)).toBe(false)
    gateway.reputation.audited('peer', SPEC, PASSED)
    await gateway.save()
    await using again = await open()
    expect(again.reputation.report('peer')).toMatchObject([
      { state: 'newcomer', strikes: 0, audits: 1 },
    ])
  })

  it('that were imported survive saves by others', async () => {
    await using other = await open()
    {
      await using command = await open()
      const networks = [{ network: '1.2.3.0/24', evidence: { good: 0, bad: 9 } }]
      const from = await openReputation(undefined, () => nowMs - 1_000)
      from.reputation.audited('peer', SPEC, PASSED)
      command.reputation.load({ ...JSON.parse(JSON.stringify(from.reputation)), networks })
    }
    other.reputation.audited('another', SPEC, PASSED)
    await other.save()
    await using again = await open()
    expect(again.reputation.report().map(({ peer }) => peer)).toEqual(['another', 'peer'])
    expect(again.reputation.networkCredit(['1.2.3.0/24'])).toBeLessThan(1)
  })

  it('that cannot be read are renamed', async () => {
    await writeFile(join(dir, 'reputation.json'), '{"version":1,"peers":[')
    await using mine = await open()
    expect(mine.broken).toBe(true)
    mine.reputation.audited('peer', SPEC, PASSED)
    await mine.save()
    expect(JSON.parse(await saved()).peers).toHaveLength(1)
    expect(await readFile(join(dir, 'reputation.json.damaged'), 'utf8')).toContain('"version":1')
  })

  it('that the disk does not give are told once, and nothing is written over them', async () => {
    const faults: string[] = []
    const path = join(dir, 'reputation.json')
    // A link to itself: it cannot be read, not even by root, and is not absent.
    await symlink(path, path)
    await using mine = await openReputation(dir, now, (message) => faults.push(message))
    expect(mine.broken).toBe(false)
    mine.reputation.mark('mine', 'trusted')
    await expect(mine.save()).rejects.toMatchObject({ code: 'ELOOP' })
    expect((await lstat(path)).isSymbolicLink()).toBe(true)
    expect(faults).toEqual([expect.stringMatching(/cannot be read \(ELOOP\)/)])
    await rm(path)
    const other = await openReputation(undefined, now)
    other.reputation.mark('liar', 'denied')
    await writeFile(path, JSON.stringify(other.reputation))
    await mine.save()
    expect(mine.reputation.markOf('liar')).toBe('denied')
    expect(mine.reputation.markOf('mine')).toBe('trusted')
  })

  it('keep marks, however many lessons could not be saved', async () => {
    await using mine = await open()
    mine.reputation.doubted('other', SPEC)
    await mine.save()
    mine.reputation.mark('liar', 'denied')
    for (let n = 0; n < 50_001; n += 1) mine.reputation.doubted('peer', SPEC)
    await mine.save()
    await using again = await open()
    expect(again.reputation.markOf('liar')).toBe('denied')
    expect(again.reputation.doubts('peer', SPEC)).toBe(49_999)
  })
})
