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
  /** Chosen by the caller, and repeated in the result. */
  readonly id: string
} & (
  | { readonly kind: 'chat'; readonly body: ChatRequest & ChainField }
  | { readonly kind: 'completion'; readonly body: PromptListRequest & ChainField }
  | { readonly kind: 'embedding'; readonly body: EmbeddingRequest & ChainField }
)

/** The result of one request: an answer or an error. */
export type BatchResult = {
  readonly id: string
  /** Position among the requests, from 0. */
  readonly index: number
  readonly request: BatchRequest
} & (
  | { readonly answer: ChatCompletion | Completion | EmbeddingResponse; readonly error?: never }
  | { readonly error: InferenceError; readonly answer?: never }
)

/** Progress of a batch. */
export interface BatchProgress {
  /** Requests with a result, including failed ones. */
  readonly done: number
  readonly failed: number
  /** Requests taken from the list that have no result yet. */
  readonly open: number
  /** Prompt and completion tokens of answered requests. */
  readonly tokens: number
  readonly elapsedMs: number
}

/** Options of a batch. Options of single requests apply to each try of each request. */
export interface BatchOptions extends RequestOptions {
  /** Yield results in the order of the requests. @default false: as they arrive */
  readonly ordered?: boolean
  /** Deadline of the whole batch. @default 86_400_000: a day, like OpenAI's completion window */
  readonly deadlineMs?: number
  /** Called after each result. An exception ends the batch. */
  readonly onProgress?: (progress: BatchProgress) => void
}
