import { join } from 'node:path'
import { createEmbeddedPool, type EmbeddedPool, type PoolModel } from '../../backend/index.ts'
import { modelCache, optionalCacheHome } from '../directories.ts'
import { fetchModel, hubSettings, localModelPath } from '../local-models/index.ts'
import { openTyped } from '../open-typed.ts'
import { createProgress } from '../progress.ts'
import { useProxy } from '../proxy.ts'
import type { Session } from '../runtime.ts'
import { UsageError } from '../usage-error.ts'

/** The bundled model, which needs no download. */
const BUNDLED_MODEL = { file: 'models/skein-tiny-q8_0.gguf', id: 'skein-tiny' } as const
/** Loading that takes less shows no progress bar. */
const QUIET_MS = 1_000

export interface EmbeddedOptions {
  /** A downloaded model's name, a path, or something to download. @default the bundled model */
  readonly model?: string
  /** Names of downloaded models to serve beside it, or instead of the bundled one. */
  readonly share?: readonly string[]
  readonly slots?: number
  readonly gpu?: boolean
  /** Bytes. */
  readonly maxMemory?: number
  /** @see EmbeddedPoolInit.onRefused */
  readonly onRefused?: (reason: string) => void
}

/** The embedded engine with the named models, or the bundled one. */
export async function createEmbeddedEngine(
  session: Session,
  options: EmbeddedOptions,
): Promise<EmbeddedPool> {
  return await openEmbeddedPool(session, options, await namedModels(session, options))
}

/** The embedded engine with these models, or none yet. */
export async function openEmbeddedPool(
  session: Session,
  { slots, gpu, maxMemory, onRefused }: EmbeddedOptions,
  models: readonly PoolModel[],
): Promise<EmbeddedPool> {
  const { env, signal } = session
  useProxy(session)
  const cacheDir = optionalCacheHome(env)
  const progress = createProgress(session.terminal, {
    label: 'Loading',
    unit: 'fraction',
    quietMs: QUIET_MS,
  })
  try {
    const pool = await openTyped(() =>
      createEmbeddedPool({
        ...{ models, signal },
        ...(cacheDir !== undefined && { cacheDir, modelsDir: modelCache(env) }),
        ...(slots !== undefined && { slots }),
        ...(gpu === true && { gpu: 'auto' as const }),
        ...(maxMemory !== undefined && { maxMemoryBytes: maxMemory }),
        ...(onRefused !== undefined && { onRefused }),
        source: hubSettings(env),
        onProgress: (fraction) => progress.update(fraction, 1),
      }),
    )
    if (gpu === true && pool.gpu === false && models.length > 0) {
      await pool[Symbol.asyncDispose]()
      throw new UsageError(NO_GPU)
    }
    return pool
  } finally {
    progress.end()
  }
}

async function namedModels(
  session: Session,
  { model, share = [] }: EmbeddedOptions,
): Promise<PoolModel[]> {
  const { packageRoot, env } = session
  const named = model === undefined ? [] : [{ path: await modelFile(session, model) }]
  const downloaded = await Promise.all(
    share.map(async (name) => ({ path: await localModelPath(env, name) })),
  )
  const models = [
    ...named,
    ...downloaded.flatMap(({ path }) => (path === undefined ? [] : [{ path }])),
  ]
  if (models.length > 0) return models
  return [{ path: join(packageRoot, BUNDLED_MODEL.file), id: BUNDLED_MODEL.id }]
}

const NO_GPU =
  '--gpu: the embedded engine found no usable GPU: its GPU build is not installed (see the README), or this machine has no GPU. Without --gpu it computes on the CPU'

/** A model of this machine by its name, else a path or something to download. */
async function modelFile(session: Session, source: string): Promise<string> {
  const known = await localModelPath(session.env, source)
  if (known !== undefined) return known
  const { path, sha256 } = await fetchModel(session, source)
  if (sha256 !== undefined) session.terminal.log(`${path}\nsha256 ${sha256}`)
  return path
}
