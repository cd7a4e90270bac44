import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive, writeAtomic } from '../../storage/index.ts'
import { dataHome } from '../directories.ts'
import type { Environment } from '../environment.ts'

/** Gateways share a data directory. */
const FILE = /^control-(\d+)\.json$/

/** How commands of the same user reach a process: an address of this machine, and a token that others cannot read. */
export interface Door {
  readonly pid: number
  readonly url: string
  readonly token: string
  readonly dataDir: string
  /** What can be done through it: models of its own, the state of a console. */
  readonly offers: readonly ('console' | 'models')[]
}

/** Leaves the address and the token in the data directory, readable by its owner only. @returns removes them */
export async function leaveDoor({ dataDir, ...door }: Door): Promise<() => Promise<void>> {
  const path = join(dataDir, `control-${door.pid}.json`)
  await writeAtomic(path, JSON.stringify(door))
  return async () => await rm(path, { force: true })
}

/** The doors of the processes that run on this machine, or of the one that uses `dataDir`. */
export async function findDoors(env: Environment, dataDir?: string): Promise<readonly Door[]> {
  const home = dataHome(env)
  const names = dataDir === undefined ? await readdir(home).catch(() => []) : []
  const directories = dataDir === undefined ? names.map((name) => join(home, name)) : [dataDir]
  return (await Promise.all(directories.map(readAll))).flat()
}

async function readAll(dataDir: string): Promise<Door[]> {
  const names = (await readdir(dataDir).catch(() => [])).filter((name) => FILE.test(name))
  const doors = await Promise.all(names.map((name) => read(dataDir, name)))
  return doors.filter((door) => door !== undefined)
}

async function read(dataDir: string, name: string): Promise<Door | undefined> {
  try {
    const path = join(dataDir, name)
    const door = JSON.parse(await readFile(path, 'utf8')) as Omit<Door, 'dataDir'>
    const { pid, url, token, offers } = door
    const isDoor = Number.isSafeInteger(pid) && typeof url === 'string' && typeof token === 'string'
    if (isDoor && isAlive(pid)) return { pid, url, token, dataDir, offers: offers ?? [] }
    await rm(path, { force: true })
    return undefined
  } catch {
    return undefined
  }
}
