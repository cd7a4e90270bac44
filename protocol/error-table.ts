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
