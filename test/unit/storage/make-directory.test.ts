import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { diskFaultOf, makeDirectory } from '../../../storage/index.ts'

let home: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'skein-storage-'))
})

afterAll(() => rm(home, { recursive: true, force: true }))

describe('makeDirectory', () => {
  it('makes what is missing, for its owner only, and leaves what exists', async () => {
    const path = join(home, 'a/b/c')
    await makeDirectory(path)
    await makeDirectory(path)
    expect((await stat(path)).mode & 0o777).toBe(0o700)
  })

  it('is made once by many at a time', async () => {
    const path = join(home, 'many/at/once')
    await Promise.all(Array.from({ length: 20 }, () => makeDirectory(path)))
    expect((await stat(path)).isDirectory()).toBe(true)
  })

  it('says so where a file is in the way', async () => {
    const file = join(home, 'file')
    await writeFile(file, '')
    await expect(makeDirectory(file)).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(makeDirectory(join(file, 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  })

  it('explains links that lead nowhere, or in a circle', async () => {
    const [nowhere, circle] = [join(home, 'nowhere'), join(home, 'circle')]
    await symlink(join(home, 'missing/place'), nowhere)
    await symlink(circle, circle)
    for (const [path, code] of [
      [nowhere, 'EEXIST'],
      [join(nowhere, 'below'), 'EEXIST'],
      [join(circle, 'below'), 'ELOOP'],
    ] as const) {
      const error: unknown = await makeDirectory(path).catch((thrown: unknown) => thrown)
      expect(diskFaultOf(error), path).toMatchObject({ code })
    }
  })

  it.runIf(process.platform === 'linux').each(['/proc/skein', '/proc/skein/a/b', '/proc/self/x/y'])(
    'ends where the system makes none below a parent that exists: %s',
    async (path) => {
      await expect(makeDirectory(path)).rejects.toMatchObject({ code: 'ENOENT' })
    },
  )
})

describe('diskFaultOf', () => {
  it.each([
    [Object.assign(new Error('x'), { code: 'ENOSPC' }), 'ENOSPC'],
    [new Error('wrapped', { cause: Object.assign(new Error('y'), { code: 'EROFS' }) }), 'EROFS'],
    [new Error('IO error: /data/000003.log: File too large'), 'EFBIG'],
    [new Error('IO error: /data/LOCK: Too many open files'), 'EMFILE'],
    [Object.assign(new Error('connect EMFILE 127.0.0.1:1'), { code: 'EMFILE' }), 'EMFILE'],
  ])('finds the fault of this machine: %s', (error, code) => {
    expect(diskFaultOf(error)?.code).toBe(code)
    expect(diskFaultOf(error)?.reason).not.toContain('/data')
  })

  it.each([
    undefined,
    'ENOSPC',
    new Error('refused'),
    Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
  ])('finds none in %s', (error) => {
    expect(diskFaultOf(error)).toBeUndefined()
  })
})
