/**
 * The client library: finds peers that serve a model, selects among them, and fails over without the caller noticing.
 *
 * @example
 * import { createClient } from 'skein'
 *
 * await using client = await createClient({ bootstrap: ['/ip4/127.0.0.1/tcp/4801/p2p/12D3Koo…'] })
 * const messages = [{ role: 'user', content: 'Count from 1 to 10.' }] as const
 * for await (const chunk of client.chat({ model: 'skein-tiny', messages, stream: true })) {
 *   process.stdout.write(chunk.choices[0]?.delta.content ?? '')
 * }
 *
 * @packageDocumentation
 */

export type { AbortOptions } from '../timing/index.ts'
export type {
  Answer,
  ChatChoice,
  ChatCompletion,
  Completion,
  CompletionChoice,
  EmbeddingResponse,
  ServedBy,
  ServedChunk,
} from './answer/index.ts'
export type { ChainField, NamesInit, OwnNames, ProviderInit } from './chain/index.ts'
export type { Client, ClientInit, ClientSwarm, MarkedPeer } from './client.ts'
export { type ClientOverInit, createClient, createClientOver } from './create-client.ts'
export { openLedger } from './open-ledger.ts'
export type { ModelListing, PeerListing } from './peers/index.ts'
export type { ClientStats } from './pipeline/index.ts'
export {
  type Agreement,
  type AuditReport,
  type Cost,
  DISCOVERY_LIMITS,
  type DiscoveryLimits,
  estimatePromptTokens,
  type Policy,
  type ProgressReport,
  parsePolicy,
  parseResumeMode,
  parseSwitchModels,
  parseToolCallDelivery,
  parseVerifyMode,
  REQUEST_LIMITS,
  type RequestEvent,
  type RequestLimits,
  type RequestOptions,
  type ResumeMode,
  type RunningAttempt,
  type RunningRequest,
  type SwitchModels,
  type ToolCallDelivery,
  trustedPeers,
  type Unrated,
  type Verification,
  type VerifyMode,
} from './request/index.ts'
export {
  type BatchOptions,
  type BatchProgress,
  type BatchRequest,
  type BatchResult,
  PartialFailure,
} from './split/index.ts'
export { createSwarmsClient, type SwarmInit, type SwarmsClientInit } from './swarms-client.ts'
export {
  type CanaryMode,
  openReputation,
  type PeerMark,
  parseCanaryMode,
  type Reputation,
  type SavedReputation,
  type StandingReport,
} from './trust/index.ts'
