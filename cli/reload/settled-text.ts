import { readFile } from 'node:fs/promises'
import { type Clock, delay, systemClock } from '../../timing/index.ts'
import { UsageError } from '../usage-error.ts'

/** A file that is being saved differs within this time. */
const SETTLE_MS = 300
/** Looks at a file that keeps changing. */
const MAX_LOOKS = 20

/**
 * The text of a file that may be in the middle of a save: two readings agree.
 *
 * @returns undefined if it does not exist
 * @throws UsageError if it keeps changing; what the file system throws
 */
export async function settledText(
  path: string,
  clock: Clock = systemClock,
  read: (path: string) => Promise<string> = (from) => readFile(from, 'utf8'),
): Promise<string | undefined> {
  const look = (): Promise<string | undefined> =>
    read(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw new UsageError(`${path}: ${error.message}`)
    })
  let before = await look()
  for (let looks = 1; looks < MAX_LOOKS; looks += 1) {
    await delay(SETTLE_MS, { clock })
    const now = await look()
    if (now === before) return now
    before = now
  }
  throw new UsageError(`${path}: it keeps changing`)
}

/** Whether a file sets nothing: a save that was cut short, more likely than a wish for every default. */
export function isBlank(text: string): boolean {
  return text.split('\n').every((line) => /^\s*(#.*|---\s*)?$/.test(line))
}
