import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type GgufHeader, ggufDigest, readGgufHeader } from '../gguf/index.ts'
import { findWeights, folderState, safetensorsDigest } from '../safetensors/index.ts'
import { keptDigest } from './digest-cache.ts'

/** Options that avoid reading weights again. */
export interface DigestInit {
  /** Digests are kept here by path, size and time of change. @default none: computed each time */
  readonly cacheDir?: string
  /** A GGUF file's header, if the caller has read it already. */
  readonly header?: GgufHeader
  readonly signal?: AbortSignal
}

/**
 * The digest of a model's weights and tokenizer, from the cache if the files have not changed.
 *
 * @param path a GGUF file, or a folder of safetensors with their tokenizer
 * @throws InferenceError `invalid_request` for a path that is neither; the signal's reason once it fired.
 */
export async function cachedWeightsDigest(path: string, init: DigestInit = {}): Promise<string> {
  const { cacheDir, signal } = init
  const options = signal === undefined ? {} : { signal }
  const found = await stat(path)
  if (found.isDirectory()) {
    const folder = await findWeights(path)
    const identity = ['skein-safetensors-1', resolve(path), await folderState(folder)]
    return await keptDigest(cacheDir, identity, () => safetensorsDigest(folder, options))
  }
  const identity = ['skein-weights-1', resolve(path), found.size, found.mtimeMs]
  return await keptDigest(cacheDir, identity, async () =>
    ggufDigest(path, init.header ?? (await readGgufHeader(path)), options),
  )
}
