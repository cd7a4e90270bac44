import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { loadIdentity } from '../../../host/identity.ts'

const root = mkdtempSync(join(tmpdir(), 'skein-identity-'))
afterAll(() => rmSync(root, { recursive: true }))

it('is made once, and kept', async () => {
  const path = join(root, 'identity.key')
  const first = await loadIdentity(path)
  expect((await loadIdentity(path)).equals(first)).toBe(true)
})

it.each<[string, (path: string) => void]>([
  ['empty', (path) => writeFileSync(path, '')],
  ['garbage', (path) => writeFileSync(path, 'garbage')],
  ['a directory', (path) => mkdirSync(path)],
])('is never replaced in silence: %s', async (name, make) => {
  const path = join(root, `${name}.key`)
  make(path)
  await expect(loadIdentity(path)).rejects.toThrow(/move it away to get a new identity/)
  if (name !== 'a directory') expect(readFileSync(path, 'utf8')).toBe(name === 'empty' ? '' : name)
})
