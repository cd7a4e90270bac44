/**
 * What tests and benchmarks share.
 *
 * @packageDocumentation
 */
export { type FirstMessage, type ForkedPeer, forkPeer, serveParent } from './forked-peer.ts'
export { VirtualClock, type VirtualClockInit } from './virtual-clock.ts'
