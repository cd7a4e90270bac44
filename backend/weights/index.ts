/**
 * Digests of weights of any format, cached while their files do not change.
 *
 * @example
 * const digest = await cachedWeightsDigest('model.gguf', { cacheDir: './cache' })
 *
 * @packageDocumentation
 */
export { cachedWeightsDigest, type DigestInit } from './weights-digest.ts'
