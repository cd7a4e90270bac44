import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceError } from '../protocol/index.ts'

/** Another living process works in the data directory. */
export class DataDirLockedError extends InferenceError {
  override readonly name: string = 'DataDirLockedError'
  readonly dataDir: string
  /** Process id of the holder. */
  readonly pid: number

  constructor(dataDir: string, pid: number) {
    super(
      'invalid_request',
      `${dataDir} is in use by process ${pid}: stop it, or name another data directory`,
    )
    this.dataDir = dataDir
    this.pid = pid
  }
}

interface Holder {
  readonly pid: number
  /** Tells a process from a later one with the same id; empty where the system does not say. */
  readonly startedAt: string
}

const LOCK_FILE = 'lock'
/** A lock may be found stale and be taken by others meanwhile; then look again. */
const MAX_TRIES = 5

/**
 * Takes the directory for this process until the returned function is called. A lock whose process is gone is taken over.
 *
 * @throws DataDirLockedError while another process, or another host of this one, holds it.
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, LOCK_FILE)
  const mine = JSON.stringify(self())
  const draft = `${path}.${process.pid}-${randomUUID()}`
  await writeFile(draft, mine, { mode: 0o600 })
  try {
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      // Linked, not created and then filled: nobody ever reads a lock without its holder.
      if (await linked(draft, path)) return () => unlock(path, mine)
      const found = await readFile(path, 'utf8').catch(() => undefined)
      if (found === undefined) continue
      const holder = parse(found)
      if (holder !== undefined && isAlive(holder)) throw new DataDirLockedError(dataDir, holder.pid)
      await removeStale(path, found)
    }
  } finally {
    await rm(draft, { force: true })
  }
  throw new InferenceError('internal', `cannot lock ${dataDir}: others keep taking it`)
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new InferenceError('internal', `cannot lock ${path}`, { cause: error })
  }
}

async function unlock(path: string, mine: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => '')) === mine) await rm(path, { force: true })
}

/** Another may have removed the stale lock and taken its place meanwhile; that one is put back. */
async function removeStale(path: string, expected: string): Promise<void> {
  const aside = `${path}.${process.pid}-${randomUUID()}`
  await rename(path, aside).catch(() => undefined)
  const moved = await readFile(aside, 'utf8').catch(() => undefined)
  if (moved !== undefined && moved !== expected) await link(aside, path).catch(() => undefined)
  await rm(aside, { force: true })
}

function self(): Holder {
  return { pid: process.pid, startedAt: startedAt(process.pid) }
}

function parse(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { pid, startedAt } = value as Partial<Holder>
    return typeof pid === 'number' && pid > 0
      ? { pid, startedAt: String(startedAt ?? '') }
      : undefined
  } catch {
    return undefined
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  const now = startedAt(holder.pid)
  return holder.startedAt === '' || now === '' || holder.startedAt === now
}

/** Field 22 of /proc/<pid>/stat, in ticks since boot, counted from behind the name, which may hold spaces. */
function startedAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
