import { join } from 'node:path'
import { type Backend, createEmbeddedBackend } from '../../backend/index.ts'
import { optionalCacheHome } from '../directories.ts'
import { fetchModel, localModelPath } from '../local-models/index.ts'
import { createProgress } from '../progress.ts'
import type { Session } from '../runtime.ts'
import { UsageError } from '../usage-error.ts'

/** The bundled model, which needs no download. */
const BUNDLED_MODEL = { file: 'models/skein-tiny-q8_0.gguf', id: 'skein-tiny' } as const
/** Loading that takes less shows no progress bar. */
const QUIET_MS = 1_000

/** The embedded engine with the named model or the bundled one. */
export async function createEmbeddedEngine(
  session: Session,
  options: { readonly model?: string; readonly slots?: number; readonly gpu?: boolean },
): Promise<Backend> {
  const { model, slots, gpu } = options
  const source =
    model === undefined
      ? { modelPath: join(session.packageRoot, BUNDLED_MODEL.file), modelId: BUNDLED_MODEL.id }
      : { modelPath: await modelFile(session, model) }
  const cacheDir = optionalCacheHome(session.env)
  const progress = createProgress(session.terminal, {
    label: 'Loading',
    unit: 'fraction',
    quietMs: QUIET_MS,
  })
  try {
    const backend = await createEmbeddedBackend({
      ...source,
      ...(slots !== undefined && { slots }),
      ...(gpu === true && { gpu: 'auto' as const }),
      ...(cacheDir !== undefined && { cacheDir }),
      onProgress: (fraction) => progress.update(fraction, 1),
      signal: session.signal,
    })
    if (gpu === true && backend.gpu === false) {
      await backend[Symbol.asyncDispose]()
      throw new UsageError(NO_GPU)
    }
    return backend
  } finally {
    progress.end()
  }
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
