/**
 * Protocol handlers of a node: inference and probe. They never reject.
 *
 * @example
 * import type { Libp2p } from '@libp2p/interface'
 * import { PROTOCOLS } from '../../protocol/index.ts'
 *
 * async function serve(libp2p: Libp2p, context: ServeContext): Promise<void> {
 *   await libp2p.handle(PROTOCOLS.inference, (stream, connection) =>
 *     serveInference(stream, { peer: connection.remotePeer.toString(), network: '192.0.2.0/24' }, context),
 *   )
 * }
 *
 * @packageDocumentation
 */

export type { ServeContext, ServedRequest } from './context.ts'
export { serveInference } from './inference.ts'
export { serveKeptInference } from './kept-inference.ts'
export { KeptStreams } from './kept-streams.ts'
export { serveProbe } from './probe.ts'
