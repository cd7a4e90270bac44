import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDigest } from '../../protocol/index.ts'
import { makeDirectory, writeAtomic } from '../../storage/index.ts'

/**
 * A digest from the cache, or computed and stored there.
 *
 * @param identity JSON that changes whenever the weights do
 */
export async function keptDigest(
  cacheDir: string | undefined,
  identity: unknown,
  workOut: () => Promise<string>,
): Promise<string> {
  if (cacheDir === undefined) return await workOut()
  const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex')
  const entry = join(cacheDir, 'digests', name)
  const known = (await readFile(entry, 'utf8').catch(() => '')).trim()
  if (isDigest(known)) return known
  const digest = await workOut()
  // The cache only saves time: a full disk must not prevent serving a model.
  await store(cacheDir, entry, digest).catch(() => undefined)
  return digest
}

async function store(cacheDir: string, entry: string, digest: string): Promise<void> {
  await makeDirectory(join(cacheDir, 'digests'))
  await writeAtomic(entry, `${digest}\n`)
}
