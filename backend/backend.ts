import type {
  Capability,
  ChatChunk,
  CompletionChunk,
  EmbeddingItem,
  InferenceRequest,
  ModelAdvertisement,
  Progress,
  Resume,
  ScoreResponse,
  Timings,
  Usage,
} from '../protocol/index.ts'
import type { AbortOptions } from '../timing/index.ts'
import type { ModelManager } from './model-manager.ts'

/** A model as its engine has it now. The shape that a node advertises. */
export type BackendModel = ModelAdvertisement

/** Progress of an engine before its first chunk. */
export type EngineProgress = Exclude<Progress, { phase: 'queued' }>

/** What a request to the engine carries beside its body. */
export interface InferOptions extends AbortOptions {
  /** Requests of one group (one client) may share cached prefixes; prefixes are never shared across groups. @default a group of its own */
  readonly cacheGroup?: string
  /** Skein gateways that the request passed, sent to an engine behind HTTP. @default a node's own call */
  readonly hops?: number
  /** Partial answer to resume. Needs the model's `resume` support, else `not_resumable`. */
  readonly resume?: Resume
  /** Called before the first chunk by engines that report progress: loading, or prompt tokens processed. */
  readonly onProgress?: (progress: EngineProgress) => void
}

/** One complete OpenAI chunk, one embedding item, or all rated tokens. The client sets `id`, `created`, `model` and the role. */
export interface BackendChunk {
  readonly type: 'chunk'
  readonly json: ChatChunk | CompletionChunk | EmbeddingItem | ScoreResponse
  /** Ids of the tokens that the chunk adds; empty if the engine does not report them. */
  readonly tokenIds: readonly number[]
  /** Natural logarithms, one for each id, or empty. */
  readonly logprobs: readonly number[]
}

/** Ends every complete answer. */
export interface BackendDone {
  readonly type: 'done'
  readonly usage: Usage
  readonly timings: Omit<Timings, 'queueMs'>
  /** A resumed answer was continued as a final assistant message, and not as raw text or token ids. */
  readonly asMessage?: true
}

/** What `infer` yields: any number of chunks, then exactly one `done`. */
export type BackendEvent = BackendChunk | BackendDone

/** The engine's capacity, as far as it reports it. */
export interface BackendLoad {
  /** `loading` until a request can be served. */
  readonly state: 'loading' | 'ready'
  /** Requests that the engine works on at a time. */
  readonly slots: number
  /** Measured tokens a second, 0 where unknown. */
  readonly prefillRate: number
  readonly decodeRate: number
  /** Measured time to load a model that is not in memory. Absent if not measured. */
  readonly coldStartMs?: number
  /** Another number than before: `models` has something new, such as a capability that a trial has proved. Absent if only asking tells. */
  readonly modelsRevision?: number
}

/**
 * Our adapter to an engine.
 *
 * `infer` yields chunks and then exactly one `done`; the chunk with the finish reason comes before it. It throws an
 * InferenceError and nothing else: `model_not_found`, `invalid_request`, `capability_unavailable`, `context_too_long`
 * (with both numbers), `not_resumable`, `over_capacity`, `loading`, `engine_failed`; after the signal fired, the signal's
 * reason. A fired signal or a consumer's `break` stops the engine within one token or one prefill chunk of 64 tokens.
 * Every backend passes `test/conformance/`.
 */
export interface Backend extends AsyncDisposable {
  /** The engine's models on this machine. Absent if it cannot be asked to load or unload any. */
  readonly manager?: ModelManager | undefined
  /** For logs and `skein doctor`, e.g. `ollama at http://127.0.0.1:11434`. */
  readonly description: string
  /** The models that the engine can serve now, under normalised ids. Throws an InferenceError if it cannot be reached. */
  models(options?: AbortOptions): Promise<readonly BackendModel[]>
  /**
   * Answers one request. Ending the iteration early, or the signal, stops the engine.
   * @throws InferenceError, including the engine's rejections such as `context_too_long`.
   */
  infer(request: InferenceRequest, options?: InferOptions): AsyncIterable<BackendEvent>
  /** Cheap: from memory, or one local call. */
  load(options?: AbortOptions): Promise<BackendLoad>
}

/** Whether a model offers all of the capabilities. */
export function hasCapabilities(model: BackendModel, needed: readonly Capability[]): boolean {
  return needed.every((capability) => model.capabilities.includes(capability))
}
