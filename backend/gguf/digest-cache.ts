import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isDigest } from '../../protocol/index.ts'
import { weightsDigest } from './digest.ts'
import { type GgufHeader, readGgufHeader } from './read-header.ts'

/** What saves the reading of a file that was read before. */
export interface DigestInit {
  /** Digests are kept here by path, size and time of change. @default none: worked out anew each time */
  readonly cacheDir?: string
  /** The file's header, where the caller has read it already. */
  readonly header?: GgufHeader
  readonly signal?: AbortSignal
}

/**
 * The weights digest of a GGUF file, from the cache where the file has not changed since.
 *
 * @throws InferenceError `invalid_request` for a file that is no GGUF; the signal's reason once it fired.
 */
export async function cachedWeightsDigest(path: string, init: DigestInit = {}): Promise<string> {
  const header = init.header ?? (await readGgufHeader(path))
  const options = init.signal === undefined ? {} : { signal: init.signal }
  if (init.cacheDir === undefined) return await weightsDigest(path, header, options)
  const entry = await entryPath(init.cacheDir, path)
  const known = await readFile(entry, 'utf8').catch(() => '')
  if (isDigest(known.trim())) return known.trim()
  const digest = await weightsDigest(path, header, options)
  // The cache saves time and nothing else: a full disk must not keep a model from being served.
  await store(init.cacheDir, entry, digest).catch(() => undefined)
  return digest
}

async function entryPath(cacheDir: string, path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path)
  const identity = JSON.stringify(['skein-weights-1', resolve(path), size, mtimeMs])
  return join(cacheDir, 'digests', createHash('sha256').update(identity).digest('hex'))
}

async function store(cacheDir: string, entry: string, digest: string): Promise<void> {
  await mkdir(join(cacheDir, 'digests'), { recursive: true })
  const temporary = `${entry}.${randomUUID()}`
  await writeFile(temporary, `${digest}\n`)
  await rename(temporary, entry)
}
