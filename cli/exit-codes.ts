import { type ErrorCode, InferenceError } from '../protocol/index.ts'
import { UsageError } from './usage-error.ts'

/** Exit codes that scripts may rely on. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  noPeers: 3,
  modelNotFound: 4,
  deadline: 5,
  refused: 6,
  busy: 7,
  peersFailed: 8,
  interrupted: 130,
  terminated: 143,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

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

/** The exit code that tells a script what went wrong. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT.usage
  return InferenceError.is(error) ? BY_ERROR[error.code] : EXIT.failure
}

/** `skein help exit-codes`, and the end of `skein --help`. */
export const EXIT_CODE_HELP = `Exit codes:
    0  done; a node or bootstrap peer that was told to stop has stopped
    1  something else failed; doctor: a step failed
    2  the command line is wrong or lacks something
    3  no peers found
    4  nobody serves this model
    5  the deadline passed
    6  the request was refused: invalid, too long, or not allowed
    7  all peers are busy, still loading, or leaving
    8  peers failed: unreachable, silent, broken off, or a dead engine
  130  interrupted (Ctrl-C)
  143  terminated`
