/**
 * The digest of weights that are a folder of safetensors, as vLLM and SGLang load them.
 *
 * @example
 * const digest = await safetensorsDigest(await findWeights('/models/Qwen3-8B'))
 *
 * @packageDocumentation
 */
export { safetensorsDigest } from './digest.ts'
export { hubSnapshot } from './hub-snapshot.ts'
export { findWeights, folderState } from './weights-folder.ts'
