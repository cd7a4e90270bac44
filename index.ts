/**
 * Skein: LLM inference over a peer-to-peer network.
 *
 * @example
 * import { createClient } from 'skein'
 * await using skein = await createClient({ bootstrap: ['/dns4/…/tcp/4811/p2p/12D3Koo…'] })
 * const answer = await skein.chat({ model: 'llama3.2:3b', messages: [{ role: 'user', content: 'Hello!' }] })
 *
 * @packageDocumentation
 */
export {
  type AbortOptions,
  type Answer,
  type ChatChoice,
  type ChatCompletion,
  type Client,
  type ClientInit,
  type Completion,
  type CompletionChoice,
  createClient,
  type DiscoveryLimits,
  type EmbeddingResponse,
  type ModelListing,
  type PeerListing,
  type RequestLimits,
  type RequestOptions,
  type ServedBy,
  type ServedChunk,
} from './client/index.ts'
export {
  type AttemptRecord,
  type ChatChunk,
  type ChatMessage,
  type ChatRequest,
  type CompletionChunk,
  type CompletionRequest,
  type EmbeddingRequest,
  type ErrorCode,
  InferenceError,
} from './protocol/index.ts'
