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

/** Lets the caller give up: the call rejects with `signal.reason`. */
export interface AbortOptions {
  readonly signal?: AbortSignal
}

/** A model as its engine has it now. The shape that a node advertises. */
export type BackendModel = ModelAdvertisement

/** How far an engine is before its first chunk. */
export type EngineProgress = Exclude<Progress, { phase: 'queued' }>

/** What a request to the engine carries beside its body. */
export interface InferOptions extends AbortOptions {
  /** Groups requests that may share warm prefixes: one client's. Prefixes never cross groups. @default a group of its own */
  readonly cacheGroup?: string
  /** Skein gateways that the request came through, told to an engine behind HTTP. @default it is a node's */
  readonly hops?: number
  /** Go on from here instead of starting anew. Needs the model's `resume` support, else `not_resumable`. */
  readonly resume?: Resume
  /** Called before the first chunk by engines that say how far they are: loading, or prompt tokens done. */
  readonly onProgress?: (progress: EngineProgress) => void
}

/** One complete OpenAI chunk, one embedding item, or all rated tokens. `id`, `created`, `model` and the role are the client's to set. */
export interface BackendChunk {
  readonly type: 'chunk'
  readonly json: ChatChunk | CompletionChunk | EmbeddingItem | ScoreResponse
  /** Ids of the tokens that the chunk adds, where the engine gives them; else empty. */
  readonly tokenIds: readonly number[]
  /** Natural logarithms, one for each id, or empty. */
  readonly logprobs: readonly number[]
}

/** Ends every answer that is complete. */
export interface BackendDone {
  readonly type: 'done'
  readonly usage: Usage
  readonly timings: Omit<Timings, 'queueMs'>
}

/** What `infer` yields: any number of chunks, then exactly one `done`. */
export type BackendEvent = BackendChunk | BackendDone

/** What the engine can take, as far as it says. */
export interface BackendLoad {
  /** `loading` until a request can be served. */
  readonly state: 'loading' | 'ready'
  /** Requests that the engine works on at a time. */
  readonly slots: number
  /** Measured tokens a second, 0 where unknown. */
  readonly prefillRate: number
  readonly decodeRate: number
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
  /** For logs and `skein doctor`, e.g. `ollama at http://127.0.0.1:11434`. */
  readonly description: string
  /** The models that the engine can serve now, under normalised ids. Throws an InferenceError where it cannot be asked. */
  models(options?: AbortOptions): Promise<readonly BackendModel[]>
  /**
   * Answers one request. Ending the iteration early, or the signal, stops the engine.
   * @throws InferenceError also for what the engine says of the request, such as `context_too_long`.
   */
  infer(request: InferenceRequest, options?: InferOptions): AsyncIterable<BackendEvent>
  /** Cheap: from memory, or one local call. */
  load(options?: AbortOptions): Promise<BackendLoad>
}

/** Whether a model offers every capability named. */
export function hasCapabilities(model: BackendModel, needed: readonly Capability[]): boolean {
  return needed.every((capability) => model.capabilities.includes(capability))
}
