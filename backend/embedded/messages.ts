import type {
  Capability,
  ErrorCode,
  ErrorDetails,
  FinishReason,
  InferenceRequest,
  Resume,
  ScoreResponse,
  TokenLogprob,
  ToolCallDelta,
  Usage,
} from '../../protocol/index.ts'
import type { HoldingGrammar } from './holding-grammar.ts'

/** What the engine process needs to know before it loads anything. */
export interface EngineSettings {
  readonly modelPath: string
  readonly slots: number
  /** Upper bound; the model's own may be lower. */
  readonly contextSize: number
  readonly threads: number
  readonly gpu: false | 'auto'
  readonly embeddingOnly: boolean
  readonly exactResumeTokens: number
  readonly chatTemplate?: string
}

/** What is known once the model is loaded. */
export interface EngineFacts {
  readonly contextLength: number
  readonly capabilities: readonly Capability[]
  /** GPU backend beside the CPU: `cuda`, `metal`, `vulkan`. */
  readonly gpu: string | false
}

/** Measured tokens a second, 0 where not measured. */
export interface EngineRates {
  readonly prefillRate: number
  readonly decodeRate: number
}

/** Parent to engine process. */
export type ToEngine =
  | { readonly type: 'start'; readonly settings: EngineSettings }
  | {
      readonly type: 'infer'
      readonly id: number
      readonly request: InferenceRequest
      readonly group: string | undefined
      readonly resume: Resume | undefined
      /** Built from the request's schemas. */
      readonly grammar: HoldingGrammar | undefined
    }
  | { readonly type: 'cancel'; readonly id: number }
  /** Checks that its event loop runs; answered by `pong`. */
  | { readonly type: 'ping' }

/** A chunk of an answer. */
export interface TextEvent {
  readonly type: 'text'
  readonly text: string
  /** @default none */
  readonly reasoning?: string
  /** Parts of tool calls. @default none */
  readonly calls?: readonly ToolCallDelta[]
  readonly tokenIds: readonly number[]
  /** Of the tokens whose text is shown, where the request asks for logprobs, else empty. */
  readonly logprobs: readonly TokenLogprob[]
  readonly finishReason: FinishReason | null
  /** The stop string that ended the answer. */
  readonly stop?: string
}

export interface EmbeddingEvent {
  readonly type: 'embedding'
  readonly index: number
  readonly embedding: readonly number[]
}

/** The result of rating an answer. */
export interface ScoreEvent {
  readonly type: 'score'
  readonly response: ScoreResponse
}

export interface DoneEvent {
  readonly type: 'done'
  readonly usage: Usage
  readonly timings: { readonly prefillMs: number; readonly decodeMs: number }
  readonly rates: EngineRates
  /** Cost: prompt tokens that were not cached, and completion tokens. */
  readonly evaluatedTokens: number
}

export interface FailedEvent {
  readonly type: 'failed'
  readonly code: ErrorCode
  readonly message: string
  readonly details: ErrorDetails
}

/** How much of the prompt is in the KV cache. */
export interface PrefillEvent {
  readonly type: 'prefill'
  readonly tokens: number
  readonly of: number
}

/** Events of one request. `done`, `failed` and `cancelled` end it. */
export type RequestEvent =
  | PrefillEvent
  | TextEvent
  | EmbeddingEvent
  | ScoreEvent
  | DoneEvent
  | FailedEvent
  | { readonly type: 'cancelled'; readonly evaluatedTokens: number }

/** Engine process to parent. */
export type FromEngine =
  | { readonly type: 'progress'; readonly fraction: number }
  | {
      readonly type: 'ready'
      readonly facts: EngineFacts
      readonly rates: EngineRates
      /** Of the whole process. */
      readonly memoryBytes: number
    }
  | { readonly type: 'unusable'; readonly message: string }
  | { readonly type: 'event'; readonly id: number; readonly event: RequestEvent }
  | { readonly type: 'pong' }
