/**
 * Test requests that look like ordinary ones, so that unknown peers are rated before a user's request depends on them.
 *
 * @example
 * const mode: CanaryMode = parseCanaryMode('own-traffic')
 *
 * @packageDocumentation
 */
export { Canaries, type CanaryMode, parseCanaryMode } from './canaries.ts'
