/**
 * A contributor peer: it gives the spare capacity of an engine to the network, and decides to whom and how much.
 *
 * @example
 * await using node = await createNode({
 *   host: { dataDir, bootstrap: ['/dns4/…/p2p/…'] },
 *   backend: createOllamaBackend({}),
 *   share: ['llama3.2:3b'],
 * })
 * process.once('SIGTERM', () => void node.drain())
 *
 * @packageDocumentation
 */

export { createNode } from './node.ts'
export type { AbortOptions, Node, NodeInit } from './node-init.ts'
export type { EngineState } from './node-status.ts'
export type { ServedRequest } from './serve/index.ts'
export type { NodeLimits } from './settings.ts'
