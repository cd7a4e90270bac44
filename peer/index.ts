/**
 * A machine that shares models and asks others over one host: a node and a client in one peer.
 *
 * @example
 * import { createOllamaBackend } from '../backend/index.ts'
 *
 * await using backend = createOllamaBackend()
 * await using peer = await createPeer({ host: { dataDir: './peer' }, backend, share: ['llama3.2:3b'] })
 * const messages = [{ role: 'user', content: 'Why is the sky blue?' }] as const
 * const answer = await peer.client.chat({ model: 'llama3.2:3b', messages })
 *
 * @packageDocumentation
 */
export { createPeer, type Peer, type PeerInit } from './peer.ts'
