/**
 * The client library: finds peers that serve a model, chooses among them, and fails over unseen until the answer has
 * begun.
 *
 * @example
 * await using client = await createClient({ bootstrap: ['/ip4/127.0.0.1/tcp/4811/p2p/12D3Koo…'] })
 * const messages = [{ role: 'user', content: 'Count from 1 to 10.' }] as const
 * for await (const chunk of client.chat({ model: 'skein-tiny', messages, stream: true })) {
 *   process.stdout.write(chunk.choices[0]?.delta.content ?? '')
 * }
 *
 * @packageDocumentation
 */
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
export type { AuditReport, Unrated, Verification } from './audit/index.ts'
export type { BatchOptions, BatchProgress, BatchRequest, BatchResult } from './batch/index.ts'
export { type CanaryMode, parseCanaryMode } from './canary/index.ts'
export {
  type AbortOptions,
  type Client,
  type ClientInit,
  createClient,
  createClientOver,
  type RequestOptions,
} from './client.ts'
export type { ClientStats } from './client-stats.ts'
export {
  DISCOVERY_LIMITS,
  type DiscoveryLimits,
  REQUEST_LIMITS,
  type RequestLimits,
} from './defaults.ts'
export { estimatePromptTokens } from './dispatch/index.ts'
export type { Agreement, Cost, RequestEvent } from './event.ts'
export {
  type ChainField,
  type OwnNames,
  type ProviderInit,
  parseSwitchModels,
  type SwitchModels,
} from './fallback/index.ts'
export type { ModelListing, PeerListing } from './listings.ts'
export { type Policy, parsePolicy, parseResumeMode, type ResumeMode } from './policy.ts'
export type { Reputation, StandingReport } from './reputation/index.ts'
export { openReputation, type SavedReputation } from './saved-reputation.ts'
export { PartialFailure } from './split/index.ts'
export { trustedPeers } from './trusted-peers.ts'
export { parseVerifyMode, type VerifyMode } from './verify-mode.ts'
