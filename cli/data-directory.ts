import { DataDirLockedError } from '../host/index.ts'
import { UsageError } from './usage-error.ts'

/** Tries directories in order until one is not in use by another process. */
export async function firstFree<T>(
  directories: readonly string[],
  open: (dataDir: string) => Promise<T>,
): Promise<{ readonly opened: T; readonly dataDir: string }> {
  let last: unknown = new UsageError('no data directory')
  for (const dataDir of directories) {
    try {
      return { opened: await open(dataDir), dataDir }
    } catch (error) {
      if (!(error instanceof DataDirLockedError)) throw error
      last = error
    }
  }
  throw last
}
