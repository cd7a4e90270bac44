/**
 * The handlers of a node: inference and probe. Neither ever rejects.
 *
 * @example
 * await libp2p.handle(PROTOCOLS.inference, (stream, connection) =>
 *   serveInference(stream, connection.remotePeer.toString(), context),
 * )
 *
 * @packageDocumentation
 */

export type { ServeContext, ServedRequest } from './context.ts'
export { serveInference } from './inference.ts'
export { serveProbe } from './probe.ts'
