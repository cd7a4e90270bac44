import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readKeys, watchKeys, writeKeys } from '../../../cli/gateway-keys.ts'
import { createApiKey } from '../../../gateway/index.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'skein-keys-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const file = (): string => join(directory, 'gateway-keys.json')

describe('stored keys', () => {
  it('keep their rights', async () => {
    const { kept } = createApiKey('anna', { models: ['fast'], tokensPerDay: 5, expiresAtMs: 7 })
    await writeKeys(directory, [kept])
    expect(await readKeys(directory)).toEqual([kept])
  })

  it.each([
    ['a right that this version does not know', { onlyOnSundays: true }],
    ['a limit that is no number', { tokensPerDay: '5' }],
    ['a limit of nothing', { requestsPerMinute: 0 }],
    ['no hash', { hash: 'x' }],
  ])('are not read with %s: it might grant more than was meant', async (_, change) => {
    writeFileSync(file(), JSON.stringify([{ ...createApiKey('anna').kept, ...change }]))
    await expect(readKeys(directory)).rejects.toThrow('is not a list of keys')
  })

  it('are read again when their file changes, unless it is damaged', async () => {
    const [anna, otto] = [createApiKey('anna').kept, createApiKey('otto').kept]
    await writeKeys(directory, [anna])
    const lines: string[] = []
    using keys = await watchKeys(directory, (line) => lines.push(line))
    expect(keys.current()).toEqual([anna])
    await writeKeys(directory, [anna, otto])
    await vi.waitUntil(() => keys.current().length === 2, 30_000)
    writeFileSync(file(), '[{')
    utimesSync(file(), 1, 1)
    await vi.waitUntil(() => lines.length === 2, 30_000)
    expect(lines[1]).toContain('stay as they were')
    expect(keys.current()).toEqual([anna, otto])
  })
})
