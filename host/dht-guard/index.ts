/**
 * kad-dht with additional bounds: on the lists of every message, on records by peer, network and key, on rates.
 *
 * @example
 * const services = { dht: guardedDht({ protocol: '/skein/kad/1.0.0' }, { now: Date.now, random: Math.random }) }
 *
 * @packageDocumentation
 */
export { guardedDht } from './guarded-dht.ts'
