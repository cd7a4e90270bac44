import { InferenceError } from '../../protocol/index.ts'
import type { Job } from '../request/index.ts'
import type { Continuation } from './continuation.ts'
import { type Failure, finalError, OwnFinding } from './failures.ts'

/** The peer's answer repeated itself. Another peer has to say whether that is what the model answers. */
export function repeatsItself(maxRepeats: number): InferenceError {
  return new OwnFinding(
    'engine_failed',
    `the answer repeated itself ${maxRepeats} times; a repetition penalty may help`,
  )
}

/** The leader was overtaken in mid-answer. @param isSlow it sent too few tokens; otherwise none */
export function overtakenLeader(isSlow: boolean): InferenceError {
  const why = isSlow ? 'gave too few tokens a second' : 'fell silent in mid-answer'
  return new InferenceError('stalled', `it ${why}; another went on`)
}

/** The client's retry budget is used up. */
export function tooManyRetries(failures: readonly Failure[]): InferenceError {
  const last = finalError(failures)
  return new InferenceError(
    'budget_exhausted',
    `no retry: too many of this client's requests have failed lately; the last failure: ${last.message}`,
    { cause: last, retryAfterMs: last.retryAfterMs ?? 1_000, details: last.details },
  )
}

/** The answer had begun and cannot be finished. `isSuited`: whether any peer could continue it, tried or not. */
export function interrupted(
  continuation: Continuation,
  tokens: number,
  failures: readonly Failure[],
  noCandidate: InferenceError | undefined,
  isSuited: boolean,
): InferenceError {
  const last =
    failures.at(-1)?.error ?? noCandidate ?? new InferenceError('internal', 'it was lost')
  const after = `the answer broke off after ${tokens} tokens (${last.code}: ${last.message})`
  if (continuation.type === 'impossible') {
    const message = `${after} and cannot go on elsewhere: ${continuation.why}`
    return new InferenceError('not_resumable', message, { cause: last })
  }
  if (noCandidate?.code === 'budget_exhausted') return noCandidate
  if (!isSuited && continuation.type === 'resume' && continuation.forms.length > 0) {
    const forms = continuation.forms.join(' and ')
    const message = `${after} and cannot go on elsewhere: no peer's engine resumes an answer with ${forms}`
    return new InferenceError('not_resumable', message, { cause: last })
  }
  return new InferenceError(last.code, `${after} and no other peer could go on with it`, {
    cause: last,
    details: last.details,
    ...(last.retryAfterMs !== undefined && { retryAfterMs: last.retryAfterMs }),
  })
}

/** Not enough peers gave the same answer. */
export function quorumNotReached(
  { plan, journal }: Pick<Job, 'journal' | 'plan'>,
  failures: readonly Failure[],
  noCandidate: InferenceError | undefined,
): InferenceError {
  const { agreement } = journal
  const asked = journal.attempts.length > 0 || failures.length > 0
  if (!asked && noCandidate !== undefined) return noCandidate
  const wanted = plan.type === 'quorum' ? `${plan.agree} of ${plan.of}` : ''
  const answered = agreement?.answers ?? 0
  const agreed = agreement === undefined || answered < 2 ? '' : `, ${agreement.agreeing} alike`
  const failed = failures.length > 0 ? `, ${failures.length} attempts failed` : ''
  return new InferenceError(
    'quorum_not_reached',
    `${wanted} answers should agree; ${answered} came${agreed}${failed}${noCandidate ? ` (${noCandidate.message})` : ''}`,
    { cause: noCandidate ?? failures.at(-1)?.error },
  )
}
