import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { changeKeys, readKeys, watchKeys } from '../../../cli/gateway-keys.ts'
import { createApiKey } from '../../../gateway/index.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'skein-keys-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const file = (): string => join(directory, 'gateway-keys.json')

describe('stored keys', () => {
  it('keep their rights', async () => {
    const { kept } = createApiKey('anna', {
      ...{ models: ['fast'], tokensPerDay: 5, expiresAtMs: 7, priority: 'low' },
      ...{ budget: { tokens: 9, per: 'month' }, peers: ['peer-1'], providers: [] },
    })
    await changeKeys(file(), () => [kept])
    expect(await readKeys(file())).toEqual([kept])
  })

  it.each([
    ['a limit that is no number', { tokensPerDay: '5' }],
    ['a limit of nothing', { requestsPerMinute: 0 }],
    ['a budget for a time that it does not know', { budget: { tokens: 1, per: 'week' } }],
    ['a priority that it does not know', { priority: 'urgent' }],
    ['no hash', { hash: 'x' }],
  ])('are not read with %s: it might grant more than was meant', async (_, change) => {
    writeFileSync(file(), JSON.stringify([{ ...createApiKey('anna').kept, ...change }]))
    await expect(readKeys(file())).rejects.toThrow('is not a list of keys')
  })

  it('are not read with a right that this version does not know: another version wrote them', async () => {
    const text = JSON.stringify([{ ...createApiKey('anna').kept, onlyOnSundays: true }])
    writeFileSync(file(), text)
    await expect(readKeys(file())).rejects.toThrow(
      /does not know \(onlyOnSundays\): use the version/,
    )
    await expect(changeKeys(file(), (keys) => keys)).rejects.toThrow('onlyOnSundays')
    expect(readFileSync(file(), 'utf8')).toBe(text)
  })

  it('survive changes at the same time', async () => {
    const names = Array.from({ length: 8 }, (_, number) => `user-${number}`)
    await Promise.all(
      names.map((name) => changeKeys(file(), (keys) => [...keys, createApiKey(name).kept])),
    )
    expect((await readKeys(file())).map(({ name }) => name).toSorted()).toEqual(names)
  })

  it('are not written if they could not be read back', async () => {
    await expect(
      changeKeys(file(), () => [{ ...createApiKey('').kept, name: '' }]),
    ).rejects.toThrow()
    expect(await readKeys(file())).toEqual([])
  })

  it('are read again when their file changes, unless it is damaged', async () => {
    const [anna, otto] = [createApiKey('anna').kept, createApiKey('otto').kept]
    await changeKeys(file(), () => [anna])
    const lines: string[] = []
    using keys = await watchKeys(file(), (line) => lines.push(line))
    expect(keys.current()).toEqual([anna])
    await changeKeys(file(), (keys) => [...keys, otto])
    await vi.waitUntil(() => keys.current().length === 2, 30_000)
    writeFileSync(file(), '[{')
    utimesSync(file(), 1, 1)
    await vi.waitUntil(() => lines.length === 2, 30_000)
    expect(lines[1]).toContain('stay as they were')
    expect(keys.current()).toEqual([anna, otto])
  })
})
