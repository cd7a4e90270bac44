/**
 * What tests and benchmarks share.
 *
 * @packageDocumentation
 */
export { VirtualClock, type VirtualClockInit } from './virtual-clock.ts'
