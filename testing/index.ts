/**
 * What tests and benchmarks share.
 *
 * @packageDocumentation
 */
export { forkPeer, serveParent } from './forked-peer.ts'
export { httpRequest } from './http-request.ts'
export { watchForIdle } from './process-time.ts'
export { processorTicks } from './processor-ticks.ts'
export { Random } from './random.ts'
export { VirtualClock } from './virtual-clock.ts'
