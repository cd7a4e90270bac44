import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

/** Each brings a file of the version before to the next one; the version is in `user_version`. */
const STEPS = [
  `CREATE TABLE usage (
    day TEXT NOT NULL,
    key TEXT NOT NULL,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    PRIMARY KEY (day, key, model)
  ) WITHOUT ROWID`,
] as const

/** How long another process may write. */
const BUSY_MS = 1_000

/** SQLite's result codes for a file that is no database, one with invalid pages, and one without the table. */
const DAMAGED: ReadonlySet<unknown> = new Set([26, 11, 1])

/** The file's content, or a directory in its place, is no database. */
export class DamagedDatabaseError extends Error {
  override readonly name: string = 'DamagedDatabaseError'
}

/** @throws DamagedDatabaseError; Error if the file was written by a newer version, or cannot be opened */
export async function openDatabase(
  path: string,
  options: { readonly readOnly?: boolean } = {},
): Promise<DatabaseSync> {
  try {
    return await open(path, options)
  } catch (cause) {
    const { errcode } = cause as { readonly errcode?: unknown }
    const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
    if (!DAMAGED.has(errcode) && !isDirectory) throw cause
    throw new DamagedDatabaseError(`${path} is damaged`, { cause })
  }
}

async function open(
  path: string,
  { readOnly = false }: { readonly readOnly?: boolean },
): Promise<DatabaseSync> {
  const { DatabaseSync: Database } = await importQuietly()
  const database = new Database(path, { readOnly })
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    const version = versionOf(database)
    if (version > STEPS.length) {
      throw new Error(`${path} was written by a newer version of Skein`)
    }
    if (readOnly) return database
    const [found] = database.prepare('PRAGMA quick_check(1)').all()
    if (found?.['quick_check'] !== 'ok') throw new DamagedDatabaseError(`${path} is damaged`)
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    database.exec('BEGIN IMMEDIATE')
    // Another process may have taken the steps since.
    for (const [index, step] of [...STEPS.entries()].slice(versionOf(database))) {
      database.exec(`${step}; PRAGMA user_version = ${index + 1}`)
    }
    // Not a step: a file with an index is still one for older versions.
    database.exec('CREATE INDEX IF NOT EXISTS usage_by_key ON usage (key, day); COMMIT')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
}

/** Node 22 warns that SQLite is experimental, which is no concern of the user's. */
async function importQuietly(): Promise<typeof import('node:sqlite')> {
  const { emitWarning } = process
  process.emitWarning = (warning, ...rest: unknown[]) => {
    if (!String(warning).includes('SQLite')) Reflect.apply(emitWarning, process, [warning, ...rest])
  }
  try {
    return await import('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
}
