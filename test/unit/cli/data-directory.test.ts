import { expect, it, vi } from 'vitest'
import { firstFree } from '../../../cli/data-directory.ts'
import { DataDirLockedError } from '../../../host/index.ts'

const LOCKED = new DataDirLockedError('/data/skein/node', 1)

it('takes the first directory that no other process uses', async () => {
  const open = vi.fn(async (dataDir: string) => {
    if (dataDir === 'node') throw LOCKED
    return `host of ${dataDir}`
  })
  expect(await firstFree(['node', 'node-2', 'node-3'], open)).toEqual({
    opened: 'host of node-2',
    dataDir: 'node-2',
  })
  expect(open).toHaveBeenCalledTimes(2)
})

it('gives up at any other failure, and when all are in use', async () => {
  const broken = async (): Promise<never> => Promise.reject(new Error('no space left'))
  await expect(firstFree(['node', 'node-2'], broken)).rejects.toThrow('no space left')
  const taken = async (): Promise<never> => Promise.reject(LOCKED)
  await expect(firstFree(['node', 'node-2'], taken)).rejects.toBe(LOCKED)
})
