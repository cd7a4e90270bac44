import { rename, rm } from 'node:fs/promises'
import { LevelDatastore } from 'datastore-level'
import { systemClock } from '../timing/index.ts'
import { droppedBytes } from './dropped-records.ts'
import { LastingDatastore, reportedSaving } from './lasting-datastore.ts'

/**
 * Opens the datastore of a host. A damaged one is set aside and replaced by a new one, as its content can be learned
 * again; if the disk accepts neither, it starts in memory.
 *
 * @param onFault called with a message for the operator
 */
export async function openDatastore(
  path: string,
  onFault: (message: string) => void,
): Promise<LastingDatastore> {
  const disk = new LevelDatastore(path)
  const opened = (await opens(disk)) || (await opensAnew(disk, path, onFault))
  const lostBytes = opened ? await droppedBytes(path) : 0
  if (lostBytes > 0) {
    onFault(
      `${path} was damaged: ${lostBytes} bytes of records of peers are lost, which it learns again`,
    )
  }
  if (!opened)
    onFault(`cannot open ${path}: records of peers stay in memory until it can be opened`)
  return new LastingDatastore({
    disk,
    opened,
    clock: systemClock,
    onFault: reportedSaving(path, onFault),
  })
}

async function opens(disk: LevelDatastore): Promise<boolean> {
  try {
    await disk.open()
    return true
  } catch {
    return false
  }
}

/** Restores the old datastore if no new one can be created. */
async function opensAnew(
  disk: LevelDatastore,
  path: string,
  onFault: (message: string) => void,
): Promise<boolean> {
  const aside = `${path}.damaged`
  try {
    await rm(aside, { recursive: true, force: true })
    await rename(path, aside)
  } catch {
    return false
  }
  if (await opens(disk)) {
    onFault(`${path} was damaged: moved to ${aside} and replaced by a new one`)
    return true
  }
  await rm(path, { recursive: true, force: true }).catch(() => undefined)
  await rename(aside, path).catch(() => undefined)
  return false
}
