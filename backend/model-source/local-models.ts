import { readdir, readFile, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
import { modelFileName, modelIdOf } from '../model-id.ts'
import { lockUnlessDownloading } from './download-lock.ts'
import { usersOf } from './in-use.ts'

/** A model file that was downloaded, or a part of one. */
export interface LocalModel {
  /** Id under which the embedded engine serves it. */
  readonly id: string
  /** Its file's name without `.gguf`: tells quantizations apart. */
  readonly name: string
  readonly path: string
  /** Bytes on disk. */
  readonly bytes: number
  /** What it was downloaded from: `hf:org/repo/file` or a URL. Empty where that was not kept. */
  readonly source: string
  /** Of the file, in hex. Absent for a part of one: pulling it again continues the download. */
  readonly sha256?: string
  /** Processes that use it. */
  readonly users: readonly number[]
}

const FILE = /\.gguf(\.part)?$/i
/** Files beside a model, which go with it. */
const COMPANIONS = ['', '.part', '.part.etag', '.sha256', '.source'] as const
/** Deeper folders than a repository's are not looked into. */
const MAX_DEPTH = 12

/** The downloaded models, by name. */
export async function localModels(cacheDir: string): Promise<readonly LocalModel[]> {
  const files = await readdir(cacheDir, { recursive: true }).catch(() => [])
  const paths = files
    .filter((file) => FILE.test(file) && file.split(sep).length <= MAX_DEPTH)
    .map((file) => join(cacheDir, file.replace(/\.part$/, '')))
  const models = await Promise.all([...new Set(paths)].map((path) => read(path, cacheDir)))
  return models
    .filter((model) => model !== undefined)
    .sort((a, b) => a.name.localeCompare(b.name) || a.path.localeCompare(b.path))
}

/**
 * The downloaded model of this name: its id, its file's name, its source or its path.
 *
 * @throws InferenceError `model_not_found` with those that there are, or `invalid_request` where several match.
 */
export async function findLocalModel(cacheDir: string, name: string): Promise<LocalModel> {
  const models = await localModels(cacheDir)
  const wanted = normalizeModelId(name).replace(/\.gguf$/, '')
  const exact = models.filter(
    (model) => model.source === name || model.path === resolve(name) || model.name === wanted,
  )
  const found = exact.length > 0 ? exact : models.filter(({ id }) => id === wanted)
  const [model, ...others] = found
  if (model === undefined) {
    const names = models.map((one) => one.name).join(', ')
    throw new InferenceError(
      'model_not_found',
      `no model '${name}' was downloaded to this machine${names === '' ? '' : `; there are ${names}`}`,
      { details: { param: 'model' } },
    )
  }
  if (others.length === 0) return model
  const which = found.map((one) => (exact.length > 0 ? one.path : one.name)).join(', ')
  throw new InferenceError(
    'invalid_request',
    `'${name}' can be one of ${which}: name one of them`,
    {
      details: { param: 'model' },
    },
  )
}

/**
 * Deletes a downloaded model.
 *
 * @throws InferenceError `over_capacity` while a process uses or downloads it.
 */
export async function removeLocalModel(cacheDir: string, model: LocalModel): Promise<void> {
  const lock = await lockUnlessDownloading(model.path)
  if (lock === undefined) {
    throw inUse(`${model.name} is being downloaded: stop that first`)
  }
  try {
    const users = await usersOf(model.path)
    if (users.length > 0) {
      throw inUse(
        `${model.name} is in use by process ${users.join(', ')}: stop it, or unload the model there (skein unload ${model.name})`,
      )
    }
    for (const end of COMPANIONS) await rm(`${model.path}${end}`, { force: true })
  } finally {
    await lock[Symbol.asyncDispose]()
  }
  await removeEmpty(dirname(model.path), cacheDir)
}

function inUse(why: string): InferenceError {
  return new InferenceError('over_capacity', why, { details: { param: 'model' } })
}

async function read(path: string, cacheDir: string): Promise<LocalModel | undefined> {
  const text = async (end: string): Promise<string> =>
    (await readFile(`${path}${end}`, 'utf8').catch(() => '')).trim()
  const [whole, part, sha256, source, users] = await Promise.all([
    stat(path).catch(() => undefined),
    stat(`${path}.part`).catch(() => undefined),
    text('.sha256'),
    text('.source'),
    usersOf(path),
  ])
  const file = whole ?? part
  if (file === undefined) return undefined
  const isWhole = whole !== undefined && sha256 !== ''
  return {
    ...{ id: modelIdOf(path), name: modelFileName(path), path, bytes: file.size, users },
    source: source === '' ? hubSource(relative(cacheDir, path)) : source,
    ...(isWhole && { sha256 }),
  }
}

/** Downloads from a hub are stored under their source. */
function hubSource(path: string): string {
  const [kind, org, repo, revision = '', ...file] = path.split(sep)
  if (kind !== 'hf' || file.length === 0) return ''
  const at = decodeURIComponent(revision)
  return `hf:${org}/${repo}/${file.join('/')}${at === 'main' ? '' : `@${at}`}`
}

/** Removes folders that became empty, up to the cache itself. */
async function removeEmpty(directory: string, cacheDir: string): Promise<void> {
  if (resolve(directory) === resolve(cacheDir)) return
  const isGone = await rmdir(directory).then(
    () => true,
    () => false,
  )
  if (isGone) await removeEmpty(dirname(directory), cacheDir)
}
