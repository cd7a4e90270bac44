/**
 * The contract between peers: protocol ids, frames and their codec, signed advertisements, model keys, the closed
 * set of errors, the validated subset of OpenAI's requests, and every limit.
 *
 * @example
 * import type { Stream } from '@libp2p/interface'
 *
 * async function read(stream: Stream): Promise<void> {
 *   for await (const bytes of readFrames(stream, { maxFrames: 100, maxTotalBytes: 1 << 20 })) {
 *     const frame = decodeNodeFrame(bytes)
 *     if (frame.type === 'failed') throw frame.error
 *   }
 * }
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
export {
  decodeClientFrame,
  decodeNodeFrame,
  decodeProbeResponse,
  encodeClientFrame,
  encodeNodeFrame,
  encodeProbeResponse,
} from './codec/index.ts'
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
export { PROTOCOLS } from './ids.ts'
export { LIMITS } from './limits.ts'
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

export { plainLine, plainText } from './plain-text.ts'

export type { Progress } from './progress.ts'

export {
  type AnswerRequest,
  type InferenceRequest,
  parseRequest,
  parseRequestBytes,
} from './request.ts'

export type { EndScore, PositionScore, ScoredToken, ScoreRequest, ScoreResponse } from './score.ts'
export type { TraceContext } from './trace-context.ts'
export type { AuditReport, Unrated, Verdict, Verification } from './verification.ts'
