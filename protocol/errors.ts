import type { Progress } from './progress.ts'
import type { Verification } from './verification.ts'

/** Whose fault a failure is: `peer` may lower the standing of the peer that served the attempt, `caller` is the request's own fault, `none` is an accident or an honest refusal. */
export type Blame = 'peer' | 'caller' | 'none'

/**
 * What a failure is about, for decisions that many codes share.
 *
 * - `busy`: the peer refuses for now and may accept later.
 * - `claim`: the peer rejects the request itself. Final only once a second independent peer agrees.
 * - `absent`: no peer serves what was asked for.
 * - `transport`: the connection failed, at either end or between.
 * - `protocol`: the peer broke the wire protocol.
 * - `engine`: the engine failed on the request.
 * - `own`: found by the client or the node about itself.
 */
export type ErrorKind = 'busy' | 'claim' | 'absent' | 'transport' | 'protocol' | 'engine' | 'own'

/** Everything that follows from a code. */
export interface ErrorTraits {
  readonly kind: ErrorKind
  readonly blame: Blame
  /** Whether another peer may succeed. */
  readonly retryElsewhere: boolean
  /** Whether the same peer may succeed later, if no other peer is left. */
  readonly retrySamePeer: boolean
  /** HTTP status at a gateway. */
  readonly status: number
  /** OpenAI's `error.type`. */
  readonly type:
    | 'server_error'
    | 'invalid_request_error'
    | 'authentication_error'
    | 'rate_limit_error'
  /** Whether a peer may send it in `Failed`; all others are findings of the receiver. */
  readonly fromPeer: boolean
}

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
  | 'path_lost'
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

/** The traits of each code. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorTraits>> = {
  no_peers: {
    kind: 'absent',
    blame: 'none',
    retryElsewhere: true,
    retrySamePeer: false,
    status: 503,
    type: 'server_error',
    fromPeer: false,
  },
  model_not_found: {
    kind: 'absent',
    blame: 'none',
    retryElsewhere: true,
    retrySamePeer: false,
    status: 404,
    type: 'invalid_request_error',
    fromPeer: true,
  },
  capability_unavailable: {
    kind: 'claim',
    blame: 'caller',
    retryElsewhere: true,
    retrySamePeer: false,
    status: 400,
    type: 'invalid_request_error',
    fromPeer: true,
  },
  context_too_long: {
    kind: 'claim',
    blame: 'caller',
    retryElsewhere: true,
    retrySamePeer: false,
    status: 400,
    type: 'invalid_request_error',
    fromPeer: true,
  },
  invalid_request: {
    kind: 'claim',
    blame: 'caller',
    retryElsewhere: false,
    retrySamePeer: false,
    status: 400,
    type: 'invalid_request_error',
    fromPeer: true,
  },
  over_capacity: {
    kind: 'busy',
    blame: 'none',
    retryElsewhere: true,
    retrySamePeer: true,
    status: 503,
    type: 'server_error',
    fromPeer: true,
  },
  loading: {
    kind: 'busy',
    blame: 'none',
    retryElsewhere: true,
    retrySamePeer: true,
    status: 503,
    type: 'server_error',
    fromPeer: true,
  },
  draining: {
    kind: 'busy',
    blame: 'none',
    retryElsewhere: true,
    retrySamePeer: false,
    status: 503,
    type: 'server_error',
    fromPeer: true,
  },
  deadline_exceeded: {
    kind: 'own',
    blame: 'none',
    retryElsewhere: false,
    retrySamePeer: false,
    status: 504,
    type: 'server_error',
    fromPeer: true,
  },
  dial_failed: {
    kind: 'transport',
    blame: 'peer',
    retryElsewhere: true,
    retrySamePeer: false,
    status: 502,
    type: 'server_error',
    fromPeer: false,
  },
  path_lost: {
    kind: 'transport',
    blame: 'none',
    retryElsewhere: true,
    retrySamePeer: true,
    status: 502,
    type: 'server_error',
    fromPeer: false,
  },
  stream_reset: {
    kind: 'transport',
    blame: 'peer',
    retryElsewhere: true,
    retrySamePeer: true,
    status: 502,
    type: 'server_error',
    fromPeer: false,
  },
  stalled: {
    kind: 'transport',
    blame: 'peer',
    retryElsewhere: true,
    retrySamePeer: true,
    status: 504,
    type: 'server_error',
    fromPeer: false,
  },
  truncated: {
    kind: 'protocol',
    blame: 'peer',
    retryElsewhere: true,
    retrySamePeer: true,
    status: 502,
    type: 'server_error',
    fromPeer: false,
  },
  malformed: {
    kind: 'protocol',
    blame: 'peer',
    retryElsewhere: true,
    retrySamePeer: false,
    status: 502,
    type: 'server_error',
    fromPeer: false,
  },
  engine_failed: {
    kind: 'engine',
    blame: 'peer',
    retryElsewhere: true,
    retrySamePeer: true,
    status: 502,
    type: 'server_error',
    fromPeer: true,
  },
  quorum_not_reached: {
    kind: 'own',
    blame: 'none',
    retryElsewhere: false,
    retrySamePeer: false,
    status: 502,
    type: 'server_error',
    fromPeer: false,
  },
  partial_failure: {
    kind: 'own',
    blame: 'none',
    retryElsewhere: true,
    retrySamePeer: false,
    status: 502,
    type: 'server_error',
    fromPeer: false,
  },
  verification_failed: {
    kind: 'own',
    blame: 'peer',
    retryElsewhere: true,
    retrySamePeer: false,
    status: 502,
    type: 'server_error',
    fromPeer: false,
  },
  not_resumable: {
    kind: 'own',
    blame: 'none',
    retryElsewhere: false,
    retrySamePeer: false,
    status: 502,
    type: 'server_error',
    fromPeer: true,
  },
  budget_exhausted: {
    kind: 'own',
    blame: 'none',
    retryElsewhere: false,
    retrySamePeer: false,
    status: 503,
    type: 'server_error',
    fromPeer: false,
  },
  unauthorized: {
    kind: 'own',
    blame: 'caller',
    retryElsewhere: true,
    retrySamePeer: false,
    status: 401,
    type: 'authentication_error',
    fromPeer: true,
  },
  rate_limited: {
    kind: 'busy',
    blame: 'none',
    retryElsewhere: true,
    retrySamePeer: true,
    status: 429,
    type: 'rate_limit_error',
    fromPeer: true,
  },
  cancelled: {
    kind: 'own',
    blame: 'caller',
    retryElsewhere: false,
    retrySamePeer: false,
    status: 499,
    type: 'invalid_request_error',
    fromPeer: false,
  },
  internal: {
    kind: 'own',
    blame: 'none',
    retryElsewhere: true,
    retrySamePeer: true,
    status: 500,
    type: 'server_error',
    fromPeer: true,
  },
}

/** Whether a value received from a peer is one of the codes. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value)
}

/**
 * Why an attempt was made. `fallback`: the first one at a later member of a chain of models. `stall` and `slow`: concurrent
 * with one that had become silent, or too slow, mid-answer.
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

/** One try at one peer, as reported to the caller. */
export interface AttemptRecord {
  /** `provider:NAME` for one of the caller's own providers. */
  readonly peerId: string
  /** If the request names a chain of models: the one asked. */
  readonly model?: string
  readonly reason: AttemptReason
  /** From the start of the request to the start of the attempt. */
  readonly startedMs: number
  /** `superseded`: another attempt was faster, and this one was cancelled. */
  readonly outcome: 'answered' | 'superseded' | ErrorCode
  /** From the start of the attempt, dialling included, to its first visible chunk. Absent without one. */
  readonly ttftMs?: number
  readonly durationMs: number
  /** Last reported by the node. Absent if it began to answer, or reported nothing. */
  readonly progress?: Progress
  /** Completion tokens received (chunks, from an engine without ids; items, for embeddings). */
  readonly tokens: number
  /** Those of them that the caller received. */
  readonly deliveredTokens: number
  /** For a resumed answer: whether it was resumed by token ids with the same weights. */
  readonly exact?: boolean
  /** For a resumed answer: what the peer continued from. `start`: the caller had seen nothing, and the answer began anew. */
  readonly seam?: 'token-ids' | 'text' | 'start'
  /** Peer id of the relay. Absent if the peer was reached directly. */
  readonly relay?: string
  /** Bytes through that relay, both directions. */
  readonly relayedBytes?: number
  /** Reason given by the peer or the connection. */
  readonly message?: string
}

/** Details specific to a code. */
interface DetailsByCode {
  readonly context_too_long: {
    /** Tokens of the prompt as the engine counts them. */
    readonly promptTokens?: number
    /** Tokens that fit, prompt and answer together. */
    readonly contextLength?: number
  }
  readonly model_not_found: {
    /** Models served instead, by how many peers and, in a client's error, by which. */
    readonly available?: readonly {
      readonly model: string
      readonly peers: number
      readonly peerIds?: readonly string[]
    }[]
  }
  readonly partial_failure: {
    /** The inputs, choices or requests that have no answer, by index from 0. */
    readonly items?: readonly {
      readonly index: number
      readonly code: ErrorCode
      readonly message: string
    }[]
  }
  readonly verification_failed: {
    /** Result of the check, per peer that wrote a part. Never on the wire. */
    readonly verification?: Verification
  }
}

/** Details that an error of any code may have. */
interface CommonDetails {
  /** The request field at fault: OpenAI's `error.param`. */
  readonly param?: string
  /** For a chain of models: the failure of each member that was tried. */
  readonly members?: readonly {
    readonly model: string
    readonly code: ErrorCode
    readonly message: string
  }[]
  /** Attempts made before the failure. Never sent to a peer. */
  readonly attempts?: readonly AttemptRecord[]
}

type OwnDetails<C extends ErrorCode> = C extends keyof DetailsByCode ? DetailsByCode[C] : object

/** Structured details of an error; which fields exist depends on its code. */
export type ErrorDetails<C extends ErrorCode = ErrorCode> = CommonDetails & OwnDetails<C>

/** Optional parts of an InferenceError. */
export interface InferenceErrorOptions<C extends ErrorCode = ErrorCode> {
  /** Local cause. Logged, never sent to a peer. */
  readonly cause?: unknown
  /** Earliest time at which the same peer may be asked again. */
  readonly retryAfterMs?: number
  readonly details?: ErrorDetails<C>
}

/**
 * The error that every public API of Skein throws. Branch on `code`, never on the message.
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
export class InferenceError<C extends ErrorCode = ErrorCode> extends Error {
  static override readonly name: string = 'InferenceError'
  override readonly name: string = 'InferenceError'
  readonly code: C
  readonly retryAfterMs: number | undefined
  readonly details: ErrorDetails<C>

  constructor(code: C, message: string, options: InferenceErrorOptions<C> = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.details = options.details ?? ({} as ErrorDetails<C>)
  }

  get traits(): ErrorTraits {
    return ERROR_TABLE[this.code]
  }

  /** The details if the error has this code; empty otherwise. */
  detailsOf<D extends C>(code: D): Partial<ErrorDetails<D>> {
    return InferenceError.is(this, code) ? this.details : {}
  }

  /** Narrows by code; without a code, checks for any InferenceError. */
  static is<C extends ErrorCode = ErrorCode>(error: unknown, code?: C): error is InferenceError<C> {
    return error instanceof InferenceError && (code === undefined || error.code === code)
  }

  /** For boundaries: any thrown value as an InferenceError, `fallback` being its code if it is not one. */
  static from(error: unknown, fallback: ErrorCode = 'internal'): InferenceError {
    if (error instanceof InferenceError) return error
    const message = error instanceof Error ? error.message : String(error)
    return new InferenceError(fallback, message, { cause: error })
  }
}
