/**
 * Models of this machine: downloads, and the files that are there.
 *
 * @example
 * import type { Session } from '../runtime.ts'
 *
 * async function pull(session: Session): Promise<string> {
 *   return (await fetchModel(session, 'hf:org/model-GGUF/model-Q4_K_M.gguf')).path
 * }
 *
 * @packageDocumentation
 */
export { fetchModel, hubSettings } from './fetch-model.ts'
export { type DeskModel, ModelDesk } from './model-desk.ts'
export { localModelPath, namedModel } from './named-model.ts'
