/**
 * Bounds on connections, and the choice of those to close beyond a bound.
 *
 * @example
 * function keep(libp2p: Parameters<ConnectionKeeper['attach']>[0], signal: AbortSignal): ConnectionKeeper {
 *   const keeper = new ConnectionKeeper(connectionBounds(1_024), Date.now)
 *   keeper.attach(libp2p, signal, (error) => { throw error })
 *   return keeper
 * }
 *
 * @packageDocumentation
 */
export { connectionBounds } from './bounds.ts'
export { ConnectionKeeper, type PendingSockets } from './connection-keeper.ts'
export { hasCarried, isInUse, lastIdleMs, setIdle } from './idle-streams.ts'
export { boundNewStreams } from './stream-rates.ts'
