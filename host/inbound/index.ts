/**
 * Who may connect, and who has to go when there are too many.
 *
 * @example
 * const keeper = new ConnectionKeeper(connectionBounds(1_024), Date.now)
 * const libp2p = await createLibp2p({ connectionGater: keeper.connectionGater })
 * keeper.attach(libp2p, stopping.signal, (error) => log.error('pruning failed - %e', error))
 *
 * @packageDocumentation
 */
export { type ConnectionBounds, connectionBounds } from './bounds.ts'
export { ConnectionKeeper } from './connection-keeper.ts'
