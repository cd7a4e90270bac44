/** Whose standing a failure may lower. `peer`: the one that served the attempt. `caller`: the request itself is at fault. `nobody`: bad luck or honest refusal. */
export type Blame = 'peer' | 'caller' | 'nobody'

/** What follows from a code, for every reader of it. */
export interface ErrorTraits {
  /** Whose standing it may lower. */
  readonly blame: Blame
  /** Whether another peer may well succeed. */
  readonly retryElsewhere: boolean
  /** HTTP status at a gateway. */
  readonly status: number
  /** OpenAI's `error.type`. */
  readonly type: string
  /** Whether a peer may send it in `Failed`; the others are the receiver's own findings. */
  readonly fromPeer: boolean
}

const traits = (
  blame: Blame,
  retryElsewhere: boolean,
  status: number,
  type: string,
  fromPeer: boolean,
): ErrorTraits => ({ blame, retryElsewhere, status, type, fromPeer })

/** The closed set of failures, shared by wire, logs, metrics and HTTP. */
export type ErrorCode =
  | 'no_peers'
  | 'model_not_found'
  | 'capability_unavailable'
  | 'context_too_long'
  | 'invalid_request'
  | 'over_capacity'
  | 'loading'
  | 'draining'
  | 'deadline_exceeded'
  | 'dial_failed'
  | 'stream_reset'
  | 'stalled'
  | 'truncated'
  | 'malformed'
  | 'engine_failed'
  | 'quorum_not_reached'
  | 'partial_failure'
  | 'verification_failed'
  | 'not_resumable'
  | 'budget_exhausted'
  | 'unauthorized'
  | 'rate_limited'
  | 'cancelled'
  | 'internal'

/** What each code means to whoever reads it. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorTraits>> = {
  no_peers: traits('nobody', true, 503, 'server_error', false),
  model_not_found: traits('nobody', true, 404, 'invalid_request_error', true),
  capability_unavailable: traits('caller', true, 400, 'invalid_request_error', true),
  context_too_long: traits('caller', true, 400, 'invalid_request_error', true),
  invalid_request: traits('caller', false, 400, 'invalid_request_error', true),
  over_capacity: traits('nobody', true, 503, 'server_error', true),
  loading: traits('nobody', true, 503, 'server_error', true),
  draining: traits('nobody', true, 503, 'server_error', true),
  deadline_exceeded: traits('nobody', false, 504, 'server_error', true),
  dial_failed: traits('peer', true, 502, 'server_error', false),
  stream_reset: traits('peer', true, 502, 'server_error', false),
  stalled: traits('peer', true, 504, 'server_error', false),
  truncated: traits('peer', true, 502, 'server_error', false),
  malformed: traits('peer', true, 502, 'server_error', false),
  engine_failed: traits('peer', true, 502, 'server_error', true),
  quorum_not_reached: traits('nobody', false, 502, 'server_error', false),
  partial_failure: traits('nobody', true, 502, 'server_error', false),
  verification_failed: traits('peer', true, 502, 'server_error', false),
  not_resumable: traits('nobody', false, 502, 'server_error', true),
  budget_exhausted: traits('nobody', false, 503, 'server_error', false),
  unauthorized: traits('caller', true, 401, 'authentication_error', true),
  rate_limited: traits('nobody', true, 429, 'rate_limit_error', true),
  cancelled: traits('caller', false, 499, 'invalid_request_error', false),
  internal: traits('nobody', true, 500, 'server_error', true),
}

/** Whether a value is one of the codes, as what came from a peer need not be. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value)
}

/**
 * Why an attempt was made. `fallback`: the first one at a later member of a chain of models. `stall` and `slow`: beside
 * one that had fallen silent, or too slow, in mid-answer.
 */
export type AttemptReason =
  | 'first'
  | 'fallback'
  | 'retry'
  | 'hedge'
  | 'race'
  | 'quorum'
  | 'resume'
  | 'stall'
  | 'slow'

/** One try at one peer, as the caller is told of it. */
export interface AttemptRecord {
  /** `provider:NAME` for one of the caller's own providers. */
  readonly peerId: string
  /** Where the request names a chain of models: the one that was asked. */
  readonly model?: string
  readonly reason: AttemptReason
  /** From the start of the request to the start of the attempt. */
  readonly startedMs: number
  /** `superseded`: another attempt was faster, and this one was called off. */
  readonly outcome: 'answered' | 'superseded' | ErrorCode
  /** From the start of the attempt, dialling included, to its first visible piece. Absent where none came. */
  readonly ttftMs?: number
  readonly durationMs: number
  /** Completion tokens that came (chunks, from an engine that gives no ids; items, of embeddings). */
  readonly tokens: number
  /** Those of them that the caller received. */
  readonly deliveredTokens: number
  /** Of one that went on with another's answer: whether by token ids with the same weights. */
  readonly exact?: boolean
  /** What the peer, or the connection to it, gave as the reason. */
  readonly message?: string
}

/** What a failure carries beside its message. Each field belongs to the codes named. */
export interface ErrorDetails {
  /** `context_too_long`: tokens of the prompt as this engine counts them. */
  readonly promptTokens?: number
  /** `context_too_long`: tokens that fit, prompt and answer together. */
  readonly contextLength?: number
  /** `model_not_found`: what is served instead, by how many peers, and, where a client says it, by whom. */
  readonly available?: readonly {
    readonly model: string
    readonly peers: number
    readonly peerIds?: readonly string[]
  }[]
  /** `invalid_request`, `capability_unavailable`: the request field at fault. */
  readonly param?: string
  /** `partial_failure`: the inputs, choices or requests that were not answered, by their place from 0. */
  readonly items?: readonly {
    readonly index: number
    readonly code: ErrorCode
    readonly message: string
  }[]
  /** `verification_failed`: what checking the answer found, of each peer that wrote a part. */
  readonly verification?: {
    readonly status: string
    readonly why?: string
    readonly parts: readonly object[]
  }
  /** Any code, where the request names a chain of models: what came of each that was asked. */
  readonly members?: readonly {
    readonly model: string
    readonly code: ErrorCode
    readonly message: string
  }[]
  /** Any code, once peers were asked: who was tried, and what came of it. Never sent to a peer. */
  readonly attempts?: readonly AttemptRecord[]
}

/** What an InferenceError may carry beside its code and message. */
export interface InferenceErrorOptions {
  /** Local cause. Logged, never sent to a peer. */
  readonly cause?: unknown
  /** Earliest time at which the same peer may be asked again. */
  readonly retryAfterMs?: number
  readonly details?: ErrorDetails
}

/**
 * The one error that leaves Skein's doors. Branch on `code`, never on the message.
 *
 * @example
 * import { setTimeout as wait } from 'node:timers/promises'
 * import { createClient, InferenceError } from 'skein'
 *
 * await using client = await createClient()
 * try {
 *   await client.models()
 * } catch (error) {
 *   if (InferenceError.is(error, 'over_capacity')) await wait(error.retryAfterMs ?? 1_000)
 * }
 */
export class InferenceError extends Error {
  static override readonly name: string = 'InferenceError'
  override readonly name: string = 'InferenceError'
  readonly code: ErrorCode
  readonly retryAfterMs: number | undefined
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, options: InferenceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.details = options.details ?? {}
  }

  get traits(): ErrorTraits {
    return ERROR_TABLE[this.code]
  }

  /** Narrows by code; without a code, tells whether it is an InferenceError at all. */
  static is(error: unknown, code?: ErrorCode): error is InferenceError {
    return error instanceof InferenceError && (code === undefined || error.code === code)
  }

  /** For boundaries: any thrown value as an InferenceError, `fallback` being its code if it is not one. */
  static from(error: unknown, fallback: ErrorCode = 'internal'): InferenceError {
    if (error instanceof InferenceError) return error
    const message = error instanceof Error ? error.message : String(error)
    return new InferenceError(fallback, message, { cause: error })
  }
}
