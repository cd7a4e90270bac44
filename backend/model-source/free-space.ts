import { statfs } from 'node:fs/promises'
import { InferenceError } from '../../protocol/index.ts'

/** Left free beside a download, for everything else that writes to the disk. */
const SPARE_BYTES = 64 * 1_048_576

/**
 * Refuses a download that the disk cannot take, before the first byte of it.
 *
 * @throws InferenceError `internal`, caused by an error with the code ENOSPC.
 */
export async function requireSpace(directory: string, bytes: number): Promise<void> {
  const disk = await statfs(directory).catch(() => undefined)
  if (disk === undefined) return
  const free = disk.bavail * disk.bsize
  if (bytes + SPARE_BYTES <= free) return
  throw new InferenceError(
    'internal',
    `the model needs ${mebibytes(bytes)} more, and ${directory} has ${mebibytes(free)} free: remove models (skein models --local lists them), or name another disk with XDG_CACHE_HOME`,
    { cause: Object.assign(new Error('no space left for the model'), { code: 'ENOSPC' }) },
  )
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(0)} MiB`
}
