import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApiKey } from '../gateway/index.ts'
import { makeDirectory } from '../storage/index.ts'
import { UsageError } from './usage-error.ts'

const FILE_NAME = 'gateway-keys.json'

/**
 * The API keys of the gateway that uses this data directory; only their hashes are kept.
 *
 * @throws UsageError if the file cannot be read: a gateway must not start without its keys
 */
export async function readKeys(dataDir: string): Promise<readonly ApiKey[]> {
  const path = join(dataDir, FILE_NAME)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const keys = parsed(text)
  if (keys === undefined) {
    throw new UsageError(`${path} is not a list of keys: repair it, or delete it to start over`)
  }
  return keys
}

/** Replaces all keys at once: a crash leaves the old ones or the new ones. */
export async function writeKeys(dataDir: string, keys: readonly ApiKey[]): Promise<void> {
  await makeDirectory(dataDir)
  const path = join(dataDir, FILE_NAME)
  const draft = `${path}.${process.pid}`
  await writeFile(draft, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
  await rename(draft, path)
}

function parsed(text: string): ApiKey[] | undefined {
  try {
    const keys: unknown = JSON.parse(text)
    return Array.isArray(keys) && keys.every(isKey) ? keys : undefined
  } catch {
    return undefined
  }
}

function isKey(value: unknown): value is ApiKey {
  if (typeof value !== 'object' || value === null) return false
  const { name, hash } = value as Partial<Record<keyof ApiKey, unknown>>
  return typeof name === 'string' && typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash)
}
