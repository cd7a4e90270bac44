/**
 * Requests of the client's own that look like any other: peers that it does not know yet are rated before a user's request
 * depends on them.
 *
 * @example
 * const mode: CanaryMode = parseCanaryMode('own-traffic')
 *
 * @packageDocumentation
 */
export { Canaries, type CanaryMode, parseCanaryMode } from './canaries.ts'
