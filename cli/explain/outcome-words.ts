import type { AttemptRecord } from '../../protocol/index.ts'

const WORDS: Readonly<Record<AttemptRecord['outcome'], string>> = {
  answered: 'answered',
  superseded: 'overtaken',
  no_peers: 'no peers',
  model_not_found: 'lacks the model',
  capability_unavailable: 'cannot do this',
  context_too_long: 'prompt too long',
  invalid_request: 'called invalid',
  over_capacity: 'busy',
  loading: 'still loading',
  draining: 'leaving',
  deadline_exceeded: 'out of time',
  dial_failed: 'unreachable',
  path_lost: 'relay lost',
  stream_reset: 'connection lost',
  stalled: 'fell silent',
  truncated: 'broke off',
  malformed: 'sent garbage',
  engine_failed: 'engine failed',
  quorum_not_reached: 'no agreement',
  partial_failure: 'partly failed',
  verification_failed: 'failed a check',
  not_resumable: 'cannot go on',
  budget_exhausted: 'budget spent',
  unauthorized: 'not allowed',
  rate_limited: 'asked too often',
  cancelled: 'cancelled',
  internal: 'internal error',
}

/** The outcome of an attempt or a request in at most 15 characters. */
export function outcomeWords(outcome: AttemptRecord['outcome']): string {
  return WORDS[outcome]
}
