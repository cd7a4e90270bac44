/**
 * Digests of weights, whatever their format, kept while their files do not change.
 *
 * @example
 * const digest = await cachedWeightsDigest('model.gguf', { cacheDir: './cache' })
 *
 * @packageDocumentation
 */
export { cachedWeightsDigest, type DigestInit } from './weights-digest.ts'
