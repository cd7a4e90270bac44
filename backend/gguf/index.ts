/**
 * Facts about a model from its GGUF file, and the digest of its weights, without loading an engine.
 *
 * @example
 * const header = await readGgufHeader('model.gguf')
 * const { family, parameters, quantization } = ggufFacts(header)
 * const digest = await ggufDigest('model.gguf', header)
 *
 * @packageDocumentation
 */

export { ggufDigest } from './digest.ts'
export { type GgufFacts, ggufFacts } from './facts.ts'
export { type GgufHeader, readGgufHeader } from './read-header.ts'
