import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isOutOfSpace, readStored, writeStored } from '../../../storage/index.ts'

let directory: string
let path: string
let faults: string[]
const read = () =>
  readStored(path, {
    parse: (text) => {
      const value: unknown = JSON.parse(text)
      return Array.isArray(value) ? value : undefined
    },
    consequence: 'it starts anew',
    onFault: (message) => void faults.push(message),
  })

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-stored-'))
  path = join(directory, 'list.json')
  faults = []
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('a stored file', () => {
  it('is read, and a missing one is no fault', async () => {
    expect(await read()).toBeUndefined()
    await writeFile(path, '[1]')
    expect(await read()).toEqual([1])
    expect(faults).toEqual([])
  })

  it.each(['', '[1,', '{"a":1}', '\u0000\u0001'])(
    'that holds %j is set aside, with a word',
    async (text) => {
      await writeFile(path, text)
      expect(await read()).toBeUndefined()
      expect(await readFile(`${path}.damaged`, 'utf8')).toBe(text)
      expect(faults).toEqual([`${path} is damaged (kept as ${path}.damaged); it starts anew`])
    },
  )

  it('of a newer version stays as it is, until that version replaces it', async () => {
    const newer = '{"version":2,"list":[1]}'
    await writeFile(path, newer)
    expect(await read()).toBeUndefined()
    expect(faults).toEqual([
      `${path} is left as it is: it was written by a newer version of Skein: use that version, or upgrade this one. Until then: it starts anew`,
    ])
    await writeStored(path, '[2]')
    expect(await readFile(path, 'utf8')).toBe(newer)
  })

  it.each(['{"version":1}', '{"version":"2"}', '{"version":', '[{"version":2}]'])(
    'that holds %j is of no newer version, and is replaced',
    async (text) => {
      await writeFile(path, text)
      await writeStored(path, '[2]')
      expect(await read()).toEqual([2])
    },
  )

  it('that is a directory is set aside', async () => {
    await mkdir(path)
    expect(await read()).toBeUndefined()
    expect(faults).toHaveLength(1)
  })

  it('that is damaged again does not replace what was set aside before', async () => {
    for (const text of ['first', 'second']) {
      await writeFile(path, text)
      await read()
    }
    expect(await readFile(`${path}.damaged`, 'utf8')).toBe('first')
    expect(await readFile(`${path}.damaged-2`, 'utf8')).toBe('second')
  })
})

it.each([
  ['ENOSPC', true],
  ['EROFS', true],
  ['EACCES', false],
])('%s means that the disk takes nothing more: %s', (code, isFull) => {
  expect(isOutOfSpace(Object.assign(new Error('x'), { code }))).toBe(isFull)
})
