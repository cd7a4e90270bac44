/**
 * Gets hold of a model's file: a path, an https URL, or `hf:org/repo/file`.
 *
 * @example
 * const { path, sha256 } = await resolveModelSource('hf:org/model-GGUF/model-Q4_K_M.gguf', { cacheDir })
 *
 * @packageDocumentation
 */

export type { DownloadProgress } from './download.ts'
export {
  type ModelSourceInit,
  type ResolvedModel,
  resolveModelSource,
} from './resolve-model-source.ts'
