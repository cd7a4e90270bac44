/**
 * Types and pure functions that every room of the client shares: the request, its events, its record and its limits.
 * Nothing here contacts a peer.
 *
 * @example
 * const longest = (limits: Partial<RequestLimits>): number => resolveLimits(REQUEST_LIMITS, limits).timeoutMs
 *
 * @packageDocumentation
 */

export {
  type AnswerChunk,
  type AnswerPiece,
  finishChunk,
  hasDelta,
  isEnd,
  isVisible,
  reasoningText,
  shownAnswer,
  shownBytes,
  shownText,
  tokensOf,
  UNSEEN_TOKENS,
} from './answer-chunk.ts'
export type { AnswerEvent, PeerReport } from './answer-event.ts'
export type { AnswerForm, JsonForm } from './answer-form.ts'
export type { Candidate, Query, RouteCandidate } from './candidate.ts'
export { canonicalDecimal, canonicalJson, canonicalText } from './canonical/index.ts'
export { fieldOf, modelOf, wantsStream, wantsUsage } from './fields.ts'
export type { DeliveredChunk, Job } from './job.ts'
export { type AttemptNote, Journal } from './journal.ts'
export {
  DISCOVERY_LIMITS,
  type DiscoveryLimits,
  REQUEST_LIMITS,
  type RequestLimits,
  resolveLimits,
} from './limits.ts'
export { OpenParts } from './open-parts.ts'
export { parsePeerId } from './peer-id.ts'
export { joinPlacements, type Placement } from './placement.ts'
export {
  type Plan,
  type Policy,
  parsePolicy,
  parseResumeMode,
  parseToolCallDelivery,
  type ResumeMode,
  type ToolCallDelivery,
} from './policy.ts'
export { answerTokensOf, estimatePromptTokens, exactPromptTokens } from './prompt-size.ts'
export { promptText } from './prompt-text.ts'
export { highestRanked, soonestRetry } from './rank-failures.ts'
export type {
  Agreement,
  Cost,
  RequestEvent,
  RunningAttempt,
  RunningRequest,
} from './record.ts'
export type { PlacedOptions, ProgressReport, RequestOptions } from './request-options.ts'
export { parseSwitchModels, type SwitchModels } from './switch-models.ts'
export { ToolCallAssembly } from './tool-calls.ts'
export { type RequestTrace, requestTrace } from './trace.ts'
export { trustedPeers } from './trusted-peers.ts'
export {
  type AuditReport,
  MIN_POSITIONS,
  mergedVerification,
  type Unrated,
  type Verdict,
  type Verification,
  verificationOf,
} from './verification.ts'
export { parseVerifyMode, type VerifyMode, waitsForVerdict } from './verify-mode.ts'
export { encodeRequest, type WireRequest, withWholeDigest } from './wire-request.ts'
