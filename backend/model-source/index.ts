/**
 * Locates or downloads a model file: a path, an https URL, or `hf:org/repo/file`. Lists and removes the downloaded ones.
 *
 * @example
 * const source = 'hf:org/model-GGUF/model-Q4_K_M.gguf'
 * const { path, sha256 } = await resolveModelSource(source, { cacheDir: './cache' })
 *
 * @packageDocumentation
 */

export type { DownloadProgress } from './download.ts'
export { markInUse } from './in-use.ts'
export {
  findLocalModel,
  type LocalModel,
  localModels,
  removeLocalModel,
} from './local-models.ts'
export {
  type ModelSourceInit,
  type ResolvedModel,
  resolveModelSource,
} from './resolve-model-source.ts'
