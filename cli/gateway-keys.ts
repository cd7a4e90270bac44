import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import type { ApiKey } from '../gateway/index.ts'
import { lockDataDirInTurn } from '../host/index.ts'
import { plainLine } from '../protocol/index.ts'
import { isNewerText, NEWER_FORMAT, onFileChange, writeAtomic } from '../storage/index.ts'
import { UsageError } from './usage-error.ts'

const FILE_NAME = 'gateway-keys.json'
/** A directory beside the file, whose lock a change holds. */
const LOCK_NAME = 'gateway-keys.lock'

/** The file of API keys: `--keys`, which gateways may share, or the one in the data directory. */
export function keysPath(dataDir: string, { keys }: { readonly keys?: string }): string {
  return keys ?? join(dataDir, FILE_NAME)
}

/**
 * The API keys in a file; only their hashes are kept.
 *
 * @throws UsageError if the file cannot be read: a gateway must not start without its keys
 */
export async function readKeys(path: string): Promise<readonly ApiKey[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return parsed(text, path)
}

/**
 * Changes the keys while no other process changes them.
 *
 * @throws UsageError if the file cannot be read; DataDirLockedError if another process holds it for long
 */
export async function changeKeys(
  path: string,
  change: (keys: readonly ApiKey[]) => readonly ApiKey[],
): Promise<void> {
  const unlock = await lockDataDirInTurn(join(dirname(path), LOCK_NAME))
  try {
    const keys = KEYS.parse(change(await readKeys(path)))
    await writeAtomic(path, `${JSON.stringify(keys, null, 2)}\n`)
  } finally {
    await unlock()
  }
}

/** The keys as they are now: a change of the file holds within a second or two, without a restart. */
export interface LiveKeys extends Disposable {
  /** Of their file. */
  readonly path: string
  current(): readonly ApiKey[]
  /** Reads the file now, after a change by this process. */
  reread(): Promise<void>
  /** Calls back when they have changed. @returns unsubscribe */
  onChange(listener: () => void): () => void
}

/**
 * Reads the keys, and again whenever their file changes. A file that cannot be read changes nothing.
 *
 * @param log receives one line for each change
 * @throws UsageError if the file cannot be read at the start
 */
export async function watchKeys(path: string, log: (line: string) => void): Promise<LiveKeys> {
  let keys = await readKeys(path)
  const listeners = new Set<() => void>()
  const reread = async (): Promise<void> => {
    try {
      const read = await readKeys(path)
      // A missing file is reported once although nothing has changed.
      if (JSON.stringify(read) === JSON.stringify(keys)) return
      keys = read
      log(
        `API keys: ${keys.length === 0 ? 'none, so that every caller is refused' : keys.map(({ name }) => plainLine(name)).join(', ')}`,
      )
      for (const listener of listeners) listener()
    } catch (error) {
      log(
        `the API keys stay as they were: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }
  const watch = onFileChange(path, () => void reread())
  return {
    path,
    current: () => keys,
    reread,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  }
}

const KEY = z.strictObject({
  name: z.string().min(1),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  models: z.array(z.string()).optional(),
  onlyMetrics: z.boolean().optional(),
  requestsPerMinute: z.number().positive().optional(),
  tokensPerMinute: z.number().positive().optional(),
  requestsPerDay: z.number().positive().optional(),
  tokensPerDay: z.number().positive().optional(),
  expiresAtMs: z.number().optional(),
  priority: z.enum(['low', 'normal', 'high']).optional(),
  budget: z
    .strictObject({
      tokens: z.number().positive(),
      per: z.enum(['day', 'month', 'ever']),
      sinceMs: z.number().optional(),
    })
    .optional(),
  peers: z.array(z.string()).min(1).optional(),
  providers: z.array(z.string()).optional(),
})

const KEYS = z.array(KEY)

/** @throws UsageError if it is not a list of keys, or one of a newer version */
function parsed(text: string, path: string): ApiKey[] {
  if (isNewerText(text)) throw new UsageError(`cannot use ${path}: ${NEWER_FORMAT}`)
  let read: ReturnType<typeof KEYS.safeParse> | undefined
  try {
    read = KEYS.safeParse(JSON.parse(text))
  } catch {}
  if (read?.success === true) return read.data as ApiKey[]
  // Unknown fields may restrict a key: a file of a newer version is not read with more rights than it gives.
  const unknown = read?.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys : [],
  )
  if (unknown !== undefined && unknown.length > 0) {
    const names = plainLine([...new Set(unknown)].join(', '))
    throw new UsageError(
      `${path} has keys with rights that this version does not know (${names}): use the version of Skein that wrote it`,
    )
  }
  throw new UsageError(`${path} is not a list of keys: repair it, or delete it to start over`)
}
