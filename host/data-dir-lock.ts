import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceError } from '../protocol/index.ts'
import { codeOf, isAlive, makeDirectory } from '../storage/index.ts'
import { delay, systemClock } from '../timing/index.ts'

/** Another running process uses the data directory. */
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
  /** Distinguishes a process from a later one with the same id; empty if the system does not provide it. */
  readonly startedAt: string
}

const LOCK_FILE = 'lock'
/** Retries, since another process may take a stale lock first. */
const MAX_TRIES = 200
const TURN_POLL_MS = 10
/** Removing a stale lock takes a moment; after this long, the process that was removing it has died. */
const ABANDONED_MS = 10_000
/** Work under such a lock takes milliseconds. A process that holds it longer is stuck. */
const IN_TURN_WAIT_MS = 10_000
const IN_TURN_POLL_MS = 20

/** @throws DataDirLockedError while another running process holds the directory. For a disk that takes no lock. */
export async function checkUnlocked(dataDir: string): Promise<void> {
  const found = await readFile(join(dataDir, LOCK_FILE), 'utf8').catch(() => '')
  const holder = parse(found)
  if (holder !== undefined && isHeld(holder)) throw new DataDirLockedError(dataDir, holder.pid)
}

/**
 * Takes the directory for this process until the returned function is called. A lock whose process is gone is taken over.
 *
 * @throws DataDirLockedError while another process, or another host of this one, holds it.
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  await makeDirectory(dataDir)
  const path = join(dataDir, LOCK_FILE)
  const mine = JSON.stringify(self())
  const draft = `${path}.${process.pid}-${randomUUID()}`
  try {
    await writeFile(draft, mine, { mode: 0o600 })
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      // Linked, not created and then filled, so that a reader never sees a lock without its holder.
      if (await linked(draft, path)) return () => unlock(path, mine)
      const found = await readFile(path, 'utf8').catch(() => undefined)
      if (found === undefined) continue
      const holder = parse(found)
      if (holder !== undefined && isHeld(holder)) throw new DataDirLockedError(dataDir, holder.pid)
      await removeStale(path, found, draft)
    }
  } finally {
    await rm(draft, { force: true })
  }
  throw new InferenceError('internal', `cannot lock ${dataDir}: other processes keep taking it`)
}

/**
 * {@link lockDataDir}, but waits up to ten seconds while another process holds the directory: for locks that are held
 * for a moment.
 *
 * @throws DataDirLockedError if it is still held then
 */
export async function lockDataDirInTurn(dataDir: string): Promise<() => Promise<void>> {
  const until = systemClock.now() + IN_TURN_WAIT_MS
  for (;;) {
    try {
      return await lockDataDir(dataDir)
    } catch (error) {
      if (!(error instanceof DataDirLockedError) || systemClock.now() > until) throw error
    }
    await delay(IN_TURN_POLL_MS)
  }
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw new InferenceError('internal', `cannot lock ${path}`, { cause: error })
  }
}

async function unlock(path: string, mine: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => '')) === mine) await rm(path, { force: true })
}

/**
 * Removes a lock whose holder is gone. One process at a time: two at once could remove a lock that a
 * third has taken meanwhile.
 */
async function removeStale(path: string, expected: string, draft: string): Promise<void> {
  const turn = `${path}.turn`
  if (!(await linked(draft, turn))) {
    await delay(TURN_POLL_MS)
    const { mtimeMs } = await stat(turn).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (systemClock.wall() - mtimeMs > ABANDONED_MS) await rm(turn, { force: true })
    return
  }
  try {
    const found = await readFile(path, 'utf8').catch(() => undefined)
    if (found === expected) await rm(path, { force: true })
  } finally {
    await rm(turn, { force: true })
  }
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

function isHeld(holder: Holder): boolean {
  if (!isAlive(holder.pid)) return false
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
