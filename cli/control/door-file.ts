import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive, writeAtomic } from '../../storage/index.ts'
import { dataHome } from '../directories.ts'
import type { Environment } from '../environment.ts'

const FILE_NAME = 'control.json'

/** How commands of the same user reach a process: an address of this machine, and a token that others cannot read. */
export interface Door {
  readonly pid: number
  readonly url: string
  readonly token: string
  readonly dataDir: string
}

/** Leaves the address and the token in the data directory, readable by its owner only. @returns removes them */
export async function leaveDoor({ dataDir, ...door }: Door): Promise<() => Promise<void>> {
  const path = join(dataDir, FILE_NAME)
  await writeAtomic(path, JSON.stringify(door))
  return async () => await rm(path, { force: true })
}

/** The doors of the processes that run on this machine, or of the one that uses `dataDir`. */
export async function findDoors(env: Environment, dataDir?: string): Promise<readonly Door[]> {
  const home = dataHome(env)
  const names = dataDir === undefined ? await readdir(home).catch(() => []) : []
  const directories = dataDir === undefined ? names.map((name) => join(home, name)) : [dataDir]
  const doors = await Promise.all(directories.map(read))
  return doors.filter((door) => door !== undefined)
}

async function read(dataDir: string): Promise<Door | undefined> {
  try {
    const door = JSON.parse(await readFile(join(dataDir, FILE_NAME), 'utf8')) as Omit<
      Door,
      'dataDir'
    >
    const { pid, url, token } = door
    const isDoor = Number.isSafeInteger(pid) && typeof url === 'string' && typeof token === 'string'
    return isDoor && isAlive(pid) ? { pid, url, token, dataDir } : undefined
  } catch {
    return undefined
  }
}
