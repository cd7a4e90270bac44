/**
 * The contract between peers, for the rooms of this package. What users get is `public.ts`: the same without what only
 * Skein's own peers need.
 *
 * @packageDocumentation
 */

export {
  type Advertisement,
  CAPABILITIES,
  type Capability,
  isExpired,
  type ModelAdvertisement,
  openAdvertisement,
  type ResumeSupport,
  sealAdvertisement,
} from './advertisement.ts'
export { ByteBudget, type Claim, type Holder, SMALL_CLAIM_BYTES } from './byte-budget.ts'
export {
  CIRCUIT_PROTOCOLS,
  type CircuitStatus,
  decodeHopAnswer,
  decodeHopRequest,
  decodeStopAnswer,
  encodeHopAnswer,
  encodeHopRequest,
  encodeStopRequest,
  type HopAnswer,
  type HopRequest,
  MAX_CIRCUIT_MESSAGE_BYTES,
} from './circuit.ts'
export {
  decodeClientFrame,
  decodeNodeFrame,
  decodeProbeResponse,
  encodeClientFrame,
  encodeNodeFrame,
  encodeProbeResponse,
} from './codec.ts'
export {
  DIAL_BACK_NONCE_BYTES,
  type DialBackOutcome,
  type DialBackTarget,
  decodeDialBackNonce,
  decodeDialBackRequest,
  decodeDialBackResponse,
  encodeDialBackNonce,
  encodeDialBackRequest,
  encodeDialBackResponse,
  MAX_DIAL_BACK_REQUEST_BYTES,
} from './dial-back.ts'
export {
  type Blame,
  ERROR_TABLE,
  type ErrorCode,
  type ErrorKind,
  type ErrorTraits,
  isErrorCode,
} from './error-table.ts'
export {
  type AttemptReason,
  type AttemptRecord,
  type ErrorDetails,
  InferenceError,
  type InferenceErrorOptions,
} from './errors.ts'
export {
  type AdvertisementResponse,
  decodeAdvertisementRequest,
  decodeAdvertisementResponse,
  encodeAdvertisementRequest,
  encodeAdvertisementResponse,
} from './exchange.ts'
export { FrameReader, type ReadFramesInit, readFrames } from './frame-reader.ts'
export { FrameWriter } from './frame-writer.ts'
export type {
  Accepted,
  Chunk,
  ClientFrame,
  Done,
  Head,
  InferenceKind,
  Load,
  NodeFrame,
  NodeState,
  Resume,
  Timings,
  Usage,
} from './frames.ts'
export { ADVERTISEMENT_DOMAIN, PROTOCOLS, RECEIPT_DOMAINS } from './ids.ts'
export { depthOf } from './json-bounds.ts'
export { type JsonShape, measureJson, parsedBytes } from './json-shape.ts'
export { LIMITS } from './limits.ts'
export { listOf } from './list-of.ts'
export {
  isDigest,
  MODEL_KEY_SHARDS,
  type ModelReference,
  matchesDigest,
  modelKey,
  nodeKey,
  normalizeModelId,
  parseModelReference,
} from './model-id.ts'
export type {
  ChatChunk,
  ChatChunkChoice,
  ChatDelta,
  ChatMessage,
  ChatRequest,
  CompletionChunk,
  CompletionLogprobs,
  CompletionRequest,
  EmbeddingItem,
  EmbeddingRequest,
  FinishReason,
  ImagePart,
  OpenAiUsage,
  Prompt,
  PromptListRequest,
  ResponseFormat,
  SamplingFields,
  TextPart,
  TokenLogprob,
  ToolCall,
  ToolCallDelta,
  ToolChoice,
  ToolDefinition,
} from './openai.ts'
export { plainError, plainLine, plainText } from './plain-text.ts'
export type { Progress } from './progress.ts'
export {
  countersign,
  draftReceipt,
  openDraft,
  openReceipt,
  outputHashOf,
  type Receipt,
  type ReceiptBody,
} from './receipt.ts'
export {
  decodeReceiptRequest,
  decodeReceiptResponse,
  encodeReceiptRequest,
  encodeReceiptResponse,
  type ReceiptRequest,
  type ReceiptResponse,
} from './receipt-exchange.ts'
export {
  type AnswerRequest,
  embeddingInputs,
  type InferenceRequest,
  parseRequest,
  parseRequestBytes,
  requestJson,
} from './request.ts'
export {
  ANSWER_PREFIX,
  hintsOf,
  type Requirements,
  requirementsOf,
  TOKEN_INPUT,
} from './requirements.ts'
export { RESUME_FORMS, type ResumeForm, resumeField, resumeFormsOf } from './resume-forms.ts'
export type { EndScore, PositionScore, ScoredToken, ScoreRequest, ScoreResponse } from './score.ts'
export type { AuditReport, Unrated, Verdict, Verification } from './verification.ts'
