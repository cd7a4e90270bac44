import { randomUUID } from 'node:crypto'
import { link, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive } from '../../storage/index.ts'

/** A lock not touched for this long is stale: longer than any pause of a running download. */
const STALE_MS = 120_000
const TOUCH_MS = 10_000
const LOOK_AGAIN_MS = 250

/** Exclusive right to write one file, across downloads in this and other processes. */
export interface DownloadLock extends AsyncDisposable {}

/** The lock, or `undefined` where a download that runs holds it. */
export async function lockUnlessDownloading(path: string): Promise<DownloadLock | undefined> {
  const lockPath = `${path}.lock`
  if (!(await tryLock(lockPath))) {
    await removeStale(lockPath)
    if (!(await tryLock(lockPath))) return undefined
  }
  return held(lockPath)
}

/**
 * Waits until no other download writes to `path`.
 *
 * @throws the signal's reason.
 */
export async function lockDownload(
  path: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<DownloadLock> {
  const lockPath = `${path}.lock`
  while (!(await tryLock(lockPath))) {
    await removeStale(lockPath)
    await delay(LOOK_AGAIN_MS, undefined, options)
  }
  return held(lockPath)
}

function held(lockPath: string): DownloadLock {
  const touch = setInterval(() => {
    const now = new Date()
    // Without the file there is nothing to refresh.
    utimes(lockPath, now, now).catch(() => undefined)
  }, TOUCH_MS)
  touch.unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(touch)
      await rm(lockPath, { force: true })
    },
  }
}

async function tryLock(lockPath: string): Promise<boolean> {
  try {
    const file = await open(lockPath, 'wx')
    await file.writeFile(`${process.pid} ${randomUUID()}`).finally(() => file.close())
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function removeStale(lockPath: string): Promise<void> {
  const owner = await readFile(lockPath, 'utf8').catch(() => undefined)
  const age = await stat(lockPath).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => undefined,
  )
  if (owner === undefined || age === undefined) return
  // An empty file is a lock that is being written.
  const dead = owner !== '' && !isAlive(Number.parseInt(owner, 10))
  if (!dead && age < STALE_MS) return
  await removeLockOf(owner, lockPath)
}

/** Another download may have replaced the stale lock meanwhile; that lock is restored. */
export async function removeLockOf(owner: string, lockPath: string): Promise<void> {
  const grave = `${lockPath}.${randomUUID()}`
  await rename(lockPath, grave).catch(() => undefined)
  const moved = await readFile(grave, 'utf8').catch(() => undefined)
  if (moved !== undefined && moved !== owner) await link(grave, lockPath).catch(() => undefined)
  await rm(grave, { force: true })
}
