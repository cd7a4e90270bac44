/**
 * A contributor peer: it shares the spare capacity of an engine, within the limits that its operator sets.
 *
 * @example
 * import { createOllamaBackend } from 'skein/backend'
 * import { createNode } from 'skein/node'
 *
 * await using backend = createOllamaBackend()
 * await using node = await createNode({
 *   host: { dataDir: './node-data', bootstrap: ['/dns4/…/tcp/4801/p2p/12D3Koo…'] },
 *   backend,
 *   share: ['llama3.2:3b'],
 * })
 * process.once('SIGTERM', () => void node.drain())
 *
 * @packageDocumentation
 */

export type { AbortOptions } from '../timing/index.ts'
export type { LiveNodeSettings } from './live-settings.ts'
export { createNode } from './node.ts'
export type { Node, NodeInit } from './node-init.ts'
export type { EngineState } from './node-status.ts'
export type { ServedRequest } from './serve/index.ts'
export type { NodeLimits } from './settings.ts'
