/**
 * Who may connect, and who has to go when there are too many.
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
export { ConnectionKeeper } from './connection-keeper.ts'
