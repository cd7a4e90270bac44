import { readFile, rename, stat } from 'node:fs/promises'
import { codeOf, diskFaultOf } from './disk-fault.ts'
import { isNewerText, NEWER_FORMAT } from './newer-format.ts'
import { writeAtomic } from './write-atomic.ts'

/** Damaged versions of one file that are kept; a later one replaces the last. */
const MAX_ASIDE = 5

/** How a file is read, and how its loss is reported. */
export interface StoredFileInit<T> {
  /** Content of the file as the caller's type; `undefined`, or an exception, for damaged content. */
  readonly parse: (content: string) => T | undefined
  /** What the loss means, for the operator: "ports are picked again". */
  readonly consequence: string
  /** Receives a message for the operator. */
  readonly onFault: (message: string) => void
}

/**
 * Reads a file of this program. A damaged one is renamed to `PATH.damaged`, so that nothing is lost, one of a newer
 * version stays where it is, and the operator is told; never an error, since no service may depend on such a file.
 *
 * @returns `undefined` without a usable file
 */
export async function readStored<T>(
  path: string,
  { parse, consequence, onFault }: StoredFileInit<T>,
): Promise<T | undefined> {
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    const fault = diskFaultOf(error)
    // A file that may not be read is no damaged file.
    if (fault !== undefined) {
      onFault(`cannot read ${path}: ${fault.reason}; ${consequence}`)
      return undefined
    }
    await reportDamage(path, { consequence, onFault })
    return undefined
  }
  if (isNewerText(content)) {
    onFault(`${path} is left as it is: ${NEWER_FORMAT}. Until then: ${consequence}`)
    return undefined
  }
  const value = parsed(content, parse)
  if (value === undefined) await reportDamage(path, { consequence, onFault })
  return value
}

/** Replaces a file that {@link readStored} reads, atomically, unless it is of a newer version. */
export async function writeStored(path: string, content: string): Promise<void> {
  const before = await readFile(path, 'utf8').catch(() => '')
  if (!isNewerText(before)) await writeAtomic(path, content)
}

/** Moves a damaged file aside and says so. */
export async function reportDamage(
  path: string,
  { consequence, onFault }: Omit<StoredFileInit<never>, 'parse'>,
): Promise<void> {
  const aside = await setAside(path)
  const kept = aside === undefined ? 'it cannot be moved away' : `kept as ${aside}`
  onFault(`${path} is damaged (${kept}); ${consequence}`)
}

/**
 * Renames a file or directory to `PATH.damaged`, or to a numbered name if that exists.
 *
 * @returns the new path; `undefined` if it could not be renamed
 */
export async function setAside(path: string): Promise<string | undefined> {
  let aside = `${path}.damaged`
  for (let n = 2; n <= MAX_ASIDE && (await exists(aside)); n += 1) aside = `${path}.damaged-${n}`
  try {
    await rename(path, aside)
    return aside
  } catch {
    return undefined
  }
}

function parsed<T>(content: string, parse: (content: string) => T | undefined): T | undefined {
  try {
    return parse(content)
  } catch {
    return undefined
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
