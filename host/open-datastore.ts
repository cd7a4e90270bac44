import { rename, rm } from 'node:fs/promises'
import { LevelDatastore } from 'datastore-level'
import { systemClock } from '../timing/index.ts'
import { LastingDatastore } from './lasting-datastore.ts'

/**
 * Opens the datastore of a host. One that is damaged is put aside and made anew, as all that it holds can be learned
 * again; where the disk takes neither, it begins in memory.
 *
 * @param onFault called with what to tell the owner of this machine
 */
export async function openDatastore(
  path: string,
  onFault: (message: string) => void,
): Promise<LastingDatastore> {
  const disk = new LevelDatastore(path)
  const opened = (await opens(disk)) || (await opensAnew(disk, path, onFault))
  if (!opened) onFault(`cannot open ${path}: what is learned of peers stays in memory until it can`)
  return new LastingDatastore({
    disk,
    opened,
    clock: systemClock,
    onFault: (fault) =>
      onFault(
        fault === undefined
          ? `${path} is saved again`
          : `cannot write to ${path}: ${fault.reason}. Answers go on; what is learned of peers stays in memory until there is room`,
      ),
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

/** A disk that takes no new datastore either gets the old one back. */
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
    onFault(`${path} was damaged: put aside as ${aside}, and made anew`)
    return true
  }
  await rm(path, { recursive: true, force: true }).catch(() => undefined)
  await rename(aside, path).catch(() => undefined)
  return false
}
