import { findLocalModel, type LocalModel } from '../../backend/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import { modelCache, optionalCacheHome } from '../directories.ts'
import type { Environment } from '../environment.ts'
import { UsageError } from '../usage-error.ts'

/** The downloaded model of this name. @throws UsageError without one, or if the name can be one of several */
export async function namedModel(env: Environment, name: string): Promise<LocalModel> {
  try {
    return await findLocalModel(modelCache(env), name)
  } catch (cause) {
    if (!InferenceError.is(cause)) throw cause
    throw new UsageError(cause.message, { cause })
  }
}

/**
 * The file of a downloaded model of this name; `undefined` without one.
 *
 * @throws UsageError if the name can be one of several
 */
export async function localModelPath(env: Environment, name: string): Promise<string | undefined> {
  if (optionalCacheHome(env) === undefined) return undefined
  try {
    const { sha256, path } = await findLocalModel(modelCache(env), name)
    return sha256 === undefined ? undefined : path
  } catch (cause) {
    if (InferenceError.is(cause, 'model_not_found')) return undefined
    if (!InferenceError.is(cause)) throw cause
    throw new UsageError(cause.message, { cause })
  }
}
