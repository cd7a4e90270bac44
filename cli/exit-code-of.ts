import { type ErrorCode, InferenceError } from '../protocol/index.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { UsageError } from './usage-error.ts'

const BY_ERROR: Readonly<Record<ErrorCode, ExitCode>> = {
  no_peers: EXIT.noPeers,
  model_not_found: EXIT.modelNotFound,
  capability_unavailable: EXIT.refused,
  context_too_long: EXIT.refused,
  invalid_request: EXIT.refused,
  unauthorized: EXIT.refused,
  over_capacity: EXIT.busy,
  loading: EXIT.busy,
  draining: EXIT.busy,
  rate_limited: EXIT.busy,
  budget_exhausted: EXIT.busy,
  deadline_exceeded: EXIT.deadline,
  dial_failed: EXIT.peersFailed,
  path_lost: EXIT.peersFailed,
  stream_reset: EXIT.peersFailed,
  stalled: EXIT.peersFailed,
  truncated: EXIT.peersFailed,
  malformed: EXIT.peersFailed,
  engine_failed: EXIT.peersFailed,
  quorum_not_reached: EXIT.peersFailed,
  partial_failure: EXIT.peersFailed,
  verification_failed: EXIT.peersFailed,
  not_resumable: EXIT.peersFailed,
  cancelled: EXIT.interrupted,
  internal: EXIT.failure,
}

/** The exit code for an error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT.usage
  return InferenceError.is(error) ? BY_ERROR[error.code] : EXIT.failure
}
