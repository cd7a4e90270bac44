/**
 * Whether a newer version of Skein was published.
 *
 * @packageDocumentation
 */
export { isNewer } from './is-newer.ts'
export { type PublishedInit, publishedVersion, registryOf } from './published-version.ts'
