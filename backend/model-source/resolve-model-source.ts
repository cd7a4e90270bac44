import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { InferenceError } from '../../protocol/index.ts'
import { makeDirectory } from '../../storage/index.ts'
import { type DownloadProgress, download } from './download.ts'
import { lockDownload } from './download-lock.ts'
import { requireSpace } from './free-space.ts'
import { parseModelSource } from './parse-source.ts'
import { PartialFile } from './partial-file.ts'

/** Where downloaded models are kept, how downloads behave, and who receives their progress. */
export interface ModelSourceInit {
  /** Directory of downloaded models, named after their source. */
  readonly cacheDir: string
  /** Called as bytes arrive. @default no callback */
  readonly onProgress?: (progress: DownloadProgress) => void
  /** Called when a download was interrupted, with the reason and the pause before it continues. */
  readonly onRetry?: (why: string, pauseMs: number) => void
  readonly signal?: AbortSignal
  /** Where `hf:` points. @default https://huggingface.co */
  readonly hubUrl?: string
  /** Sent to `hubUrl` alone, for models that need an account there. @default none */
  readonly hubToken?: string
  /** The file's sha256 in hex. @default as the server states it, if it does */
  readonly sha256?: string
  /** @default the platform's */
  readonly fetch?: typeof fetch
  /** A connection on which nothing arrives for this long is replaced. @default 30_000 */
  readonly idleTimeoutMs?: number
  /** Consecutive tries without a new byte before it gives up. @default 6 */
  readonly maxFruitlessTries?: number
  /** Pause before the second try; doubles with each try without progress, up to 30 s. @default 500 */
  readonly retryDelayMs?: number
  /** Largest file that is fetched. @default 2 TiB */
  readonly maxBytes?: number
}

/** A model file on this machine, ready to be loaded. */
export interface ResolvedModel {
  readonly path: string
  readonly bytes: number
  /** Of the file, in hex. Absent for a local file, which is not read just to hash it. */
  readonly sha256?: string
  /** Whether it was downloaded now instead of found in the cache. */
  readonly downloaded: boolean
}

/**
 * Makes a model file available on this machine: a path is only checked, an `https://` URL or `hf:org/repo/file@revision` is
 * downloaded once. An interrupted download continues where it stopped, now or the next time, if the server's ETag
 * shows that the file is still the same. The file appears under its name only when it is complete and has the sha256
 * that was given, or that the server states.
 *
 * @throws InferenceError `invalid_request` if there is no such model or it has another sha256, `dial_failed` if the
 * server cannot be reached, `internal` if the disk has no room for it; the signal's reason.
 */
export async function resolveModelSource(
  source: string,
  init: ModelSourceInit,
): Promise<ResolvedModel> {
  const parsed = parseModelSource(source, init.hubUrl ?? 'https://huggingface.co')
  if (parsed.kind === 'file') return await ownFile(parsed.path)
  const { sha256 } = init
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new InferenceError('invalid_request', 'a sha256 has 64 hexadecimal digits', {
      details: { param: 'sha256' },
    })
  }
  const isHub = source.startsWith('hf:')
  const path = join(init.cacheDir, parsed.cachePath)
  const options = init.signal === undefined ? {} : { signal: init.signal }
  const known = await cachedFile(path)
  if (known !== undefined) return checked(known, sha256)
  await makeDirectory(dirname(path))
  const lock = await lockDownload(path, options)
  try {
    // Another process may have downloaded it meanwhile.
    const found = await cachedFile(path)
    if (found !== undefined) return checked(found, sha256)
    return await fetchFile({ source, url: parsed.url, path, isHub }, init)
  } finally {
    await lock[Symbol.asyncDispose]()
  }
}

function checked(model: ResolvedModel, sha256: string | undefined): ResolvedModel {
  if (sha256 === undefined || model.sha256 === sha256) return model
  throw new InferenceError(
    'invalid_request',
    `${model.path} was downloaded before and has the sha256 ${model.sha256}, not ${sha256}: remove it to download it again`,
    { details: { param: 'sha256' } },
  )
}

interface Wanted {
  readonly source: string
  readonly url: URL
  readonly path: string
  readonly isHub: boolean
}

async function fetchFile(
  { source, url, path, isHub }: Wanted,
  init: ModelSourceInit,
): Promise<ResolvedModel> {
  const { hubToken } = init
  const options = init.signal === undefined ? {} : { signal: init.signal }
  const part = await PartialFile.open(path, options)
  try {
    const told = await download(url, part, {
      fetch: init.fetch ?? fetch,
      idleTimeoutMs: init.idleTimeoutMs ?? 30_000,
      maxFruitlessTries: init.maxFruitlessTries ?? 6,
      retryDelayMs: init.retryDelayMs ?? 500,
      maxBytes: init.maxBytes ?? 2 ** 41,
      onProgress: init.onProgress ?? (() => undefined),
      onRetry: init.onRetry ?? (() => undefined),
      requireSpace: async (bytes) => await requireSpace(dirname(path), bytes),
      headers: isHub && hubToken !== undefined ? { authorization: `Bearer ${hubToken}` } : {},
      ...options,
    })
    const { bytes } = part
    const sha256 = await part.complete(source, init.sha256 ?? told)
    return { path, bytes, sha256, downloaded: true }
  } finally {
    await part.close()
  }
}

async function ownFile(path: string): Promise<ResolvedModel> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) {
    throw new InferenceError(
      'invalid_request',
      `there is no file ${path}: name a GGUF file, an https URL, or hf:org/repo/file.gguf`,
      { details: { param: 'model' } },
    )
  }
  return { path: resolve(path), bytes: found.size, downloaded: false }
}

async function cachedFile(path: string): Promise<ResolvedModel | undefined> {
  const [found, sha256] = await Promise.all([
    stat(path).catch(() => undefined),
    readFile(`${path}.sha256`, 'utf8').catch(() => ''),
  ])
  if (found === undefined || sha256 === '') return undefined
  return { path, bytes: found.size, sha256: sha256.trim(), downloaded: false }
}
