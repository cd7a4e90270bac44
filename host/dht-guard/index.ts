/**
 * kad-dht behind bounds of our own: on the lists of every message, on records by peer, network and key, on rates.
 *
 * @example
 * services: { dht: guardedDht({ protocol: PROTOCOLS.kad }, Date.now) }
 *
 * @packageDocumentation
 */
export { guardedDht } from './guarded-dht.ts'
