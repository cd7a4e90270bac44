/**
 * Whether a newer version of Skein was published.
 *
 * @packageDocumentation
 */
export { isNewer } from './is-newer.ts'
export { publishedVersion, registryOf } from './published-version.ts'
