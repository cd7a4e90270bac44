import type {
  ChatRequest,
  EmbeddingRequest,
  InferenceError,
  PromptListRequest,
} from '../../../protocol/index.ts'
import type { ChatCompletion, Completion, EmbeddingResponse } from '../../answer/index.ts'
import type { ChainField } from '../../chain/index.ts'
import type { RequestOptions } from '../../request/index.ts'
/** One request of a batch. */
export type BatchRequest = {
  /** The caller's own, told with the result. */
  readonly id: string
} & (
  | { readonly kind: 'chat'; readonly body: ChatRequest & ChainField }
  | { readonly kind: 'completion'; readonly body: PromptListRequest & ChainField }
  | { readonly kind: 'embedding'; readonly body: EmbeddingRequest & ChainField }
)

/** What came of one request: an answer or an error. */
export type BatchResult = {
  readonly id: string
  /** Its place among the requests, from 0. */
  readonly index: number
  readonly request: BatchRequest
} & (
  | { readonly answer: ChatCompletion | Completion | EmbeddingResponse; readonly error?: never }
  | { readonly error: InferenceError; readonly answer?: never }
)

/** How far a batch is. */
export interface BatchProgress {
  /** Requests that have a result, failed ones included. */
  readonly done: number
  readonly failed: number
  /** Taken from the list and without a result. */
  readonly open: number
  /** Of answered requests: prompt and completion. */
  readonly tokens: number
  readonly elapsedMs: number
}

/** For a batch; what it has in common with single requests holds for each try of each of them. */
export interface BatchOptions extends RequestOptions {
  /** Results in the order of the requests. @default false: as they come */
  readonly ordered?: boolean
  /** All of it. @default 86_400_000: a day, as OpenAI's completion window */
  readonly deadlineMs?: number
  /** Told with each result. What it throws ends the batch. */
  readonly onProgress?: (progress: BatchProgress) => void
}
