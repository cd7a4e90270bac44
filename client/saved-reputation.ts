import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Reputation } from './reputation/index.ts'

const FILE = 'reputation.json'
/** A crash loses no more than what was learned in this time. */
const SAVE_EVERY_MS = 60_000

/** What is known of peers, kept in a directory. */
export interface SavedReputation extends AsyncDisposable {
  readonly reputation: Reputation
  /** What was saved could not be read, and was put aside. */
  readonly broken: boolean
}

/**
 * Reads it, and saves it every minute and at the end. A file that cannot be read is kept beside the new one.
 *
 * @param dataDir absent: nothing is kept
 * @param now milliseconds since 1970
 */
export async function openReputation(
  dataDir: string | undefined,
  now: () => number,
): Promise<SavedReputation> {
  const reputation = new Reputation(now)
  if (dataDir === undefined) {
    return { reputation, broken: false, [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const path = join(dataDir, FILE)
  const saved = await readFile(path, 'utf8').catch(() => undefined)
  const broken = saved !== undefined && !reputation.load(parsed(saved))
  if (broken) await rename(path, `${path}.broken`).catch(() => {})
  let written = reputation.changes
  const save = async (): Promise<void> => {
    if (reputation.changes === written) return
    // Another client of this user may have saved what it learned meanwhile.
    const theirs = await readFile(path, 'utf8').catch(() => undefined)
    if (theirs !== undefined) reputation.load(parsed(theirs))
    const { changes } = reputation
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const draft = `${path}.new`
    try {
      await writeFile(draft, JSON.stringify(reputation), { mode: 0o600 })
      await rename(draft, path)
      written = changes
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
  }
  // A full disk is no reason to end: what is known stays in memory.
  const timer = setInterval(() => void save().catch(() => {}), SAVE_EVERY_MS)
  timer.unref()
  return {
    reputation,
    broken,
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await save().catch(() => {})
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
