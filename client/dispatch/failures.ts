import { InferenceError } from '../../protocol/index.ts'
import { backoffMs, QUARTER_JITTER } from '../../timing/index.ts'
import { DialTimeout } from '../attempt/index.ts'
import { type AttemptNote, highestRanked, soonestRetry } from '../request/index.ts'

/** A failed attempt. */
export interface Failure {
  /** The peer id as text. */
  readonly peer: string
  /** The peer's operator tag. Anyone can invent one: equal tags show one operator, different tags prove nothing. */
  readonly operator: string
  /** Whether the peer has answered this client before. Without it a peer may be one of many made-up identities. */
  readonly isProven: boolean
  readonly error: InferenceError
  /** The engine hung while it worked on the request. */
  readonly isHang: boolean
}

/**
 * Whether a failed attempt ended as its engine hung. A node reports a hang as `loading`, which is also how an engine
 * refuses that did not begin: only one that began has been reported at work, or has answered.
 */
export function isHang(
  { code }: InferenceError,
  { progress, ttftMs }: Pick<AttemptNote, 'progress' | 'ttftMs'>,
): boolean {
  const isAtWork = progress?.phase === 'working' || progress?.phase === 'prefill'
  return code === 'loading' && (isAtWork || ttftMs !== undefined)
}

/** Times that one peer is asked while its engine answers in a shape that is not read. */
const MAX_UNREADABLE = 2

/** Times that the only peer is dialled while that takes too long. */
const MAX_DIALS = 2

/** Whether the peer of a failure may be asked again if no other is left. @param failures all of the request */
export function mayRepeat({ error, peer }: Failure, failures: readonly Failure[]): boolean {
  const isOnly = failures.every((other) => other.peer === peer)
  if (error instanceof DialTimeout) return isOnly && failures.length < MAX_DIALS
  const unreadable = failures.filter((other) => other.peer === peer && isUnreadable(other.error))
  return error.traits.retrySamePeer && unreadable.length < MAX_UNREADABLE
}

/** A field of an unknown shape is sent again, as a rule. */
function isUnreadable({ code, details }: InferenceError): boolean {
  return code === 'engine_failed' && details.param !== undefined
}

/**
 * The newest failure, if it ends the request: a claim that an independent second peer confirms, or an engine that failed
 * or hung at two peers, as the request itself may be what engines crash or hang on.
 */
export function confirmedFailure(failures: readonly Failure[]): InferenceError | undefined {
  const last = failures.at(-1)
  if (last === undefined) return undefined
  const isConfirmed = failures.some((other) => isAlike(other, last) && independent(other, last))
  if (last.isHang) return isConfirmed ? hangsEngines(last.error) : undefined
  const { traits } = last.error
  if (traits.kind !== 'claim' && traits.kind !== 'engine') return undefined
  // An engine failure with a retry time existed before the request.
  if (traits.kind === 'engine' && last.error.retryAfterMs !== undefined) return undefined
  return isConfirmed ? last.error : undefined
}

function isAlike(a: Failure, b: Failure): boolean {
  return a.error.code === b.error.code && a.isHang === b.isHang
}

/** No peer is to blame, and no peer should be asked again. */
function hangsEngines(cause: InferenceError): InferenceError {
  return new InferenceError(
    'loading',
    'the engines of two independent peers stopped responding while they worked on this request, which may be the cause: change it, or send it once more later',
    { cause },
  )
}

/** The failure of an attempt that the client itself found in the answer. */
export class OwnFinding extends InferenceError {}

/**
 * Whether the newest failure rests on claims of peers that never answered this client. Made-up identities can agree, so
 * they end no request that another peer may answer.
 */
export function isStrangersClaim(failures: readonly Failure[]): boolean {
  const last = failures.at(-1)
  if (last === undefined || last.error instanceof OwnFinding) return false
  return failures.every((failure) => !isAlike(failure, last) || !failure.isProven)
}

function independent(a: Failure, b: Failure): boolean {
  return a.peer !== b.peer && (a.operator === '' || a.operator !== b.operator)
}

/** Prompt tokens as counted by the peers that rejected the prompt as too long; the largest count. */
export function claimedPromptTokens(failures: readonly Failure[]): number | undefined {
  const claims = failures.flatMap(({ error }) =>
    InferenceError.is(error, 'context_too_long') ? [error.details.promptTokens ?? 0] : [],
  )
  return claims.length === 0 ? undefined : Math.max(...claims)
}

/**
 * The error for the caller when no peer is left to ask. A busy peer comes first: it may answer later, and an
 * unconfirmed claim must not make the caller give up. Then come a claim about the request, an engine failure and the
 * last failure.
 */
export function finalError(failures: readonly Failure[]): InferenceError {
  const newest = failures.toReversed().map(({ error }) => error)
  const chosen = highestRanked(newest, ['busy', 'claim', 'engine'])
  if (chosen === undefined) return new InferenceError('internal', 'no attempt was made')
  const peers = new Set(failures.map(({ peer }) => peer)).size
  if (failures.length === 1 || chosen.traits.kind === 'claim') return chosen
  const where = peers === 1 ? 'at one peer' : `at ${peers} peers`
  return new InferenceError(
    chosen.code,
    `${failures.length} attempts failed ${where}; the last: ${chosen.message}`,
    { cause: chosen, details: chosen.details, ...soonestRetry(newest) },
  )
}

/** The limit that a failed attempt counts towards. */
export function countsAs(
  { code }: InferenceError,
  options: { readonly isHang: boolean },
): 'attempt' | 'loading' | 'unreachable' {
  if (code === 'dial_failed') return 'unreachable'
  return code === 'loading' && !options.isHang ? code : 'attempt'
}

/**
 * Whether a further attempt after this failure is at the expense of the client's budgets: after a peer's failure, and
 * after a refusal for lack of capacity, which is no fault, but whose retries keep an overload going. Other refusals, lost
 * paths and second opinions on a rejected request are bounded for each request, and a failed dial cost no engine any
 * work.
 */
export function drawsOnBudget({ code, traits }: InferenceError): boolean {
  return (traits.blame === 'peer' && code !== 'dial_failed') || code === 'over_capacity'
}

/** Pause before the same peer is asked again. Short: an answer continues even if its only peer keeps failing. */
const BACKOFF = { minMs: 100, maxMs: 2_000, jitter: QUARTER_JITTER }
/** For an engine that is loading, and a peer that is not reached. Longer: it may take minutes. */
const LONG_BACKOFF = { ...BACKOFF, maxMs: 4_000 }

/**
 * Pause before a peer is asked again: the time that it requested, else a backoff that grows with each failure. While it
 * loads, the longer of the two.
 */
export function pauseMs({ error }: Failure, failuresSoFar: number, random: () => number): number {
  const { code, retryAfterMs } = error
  const isLoading = code === 'loading'
  if (retryAfterMs !== undefined && !isLoading) return retryAfterMs
  const backoff = isLoading || code === 'dial_failed' ? LONG_BACKOFF : BACKOFF
  return Math.max(retryAfterMs ?? 0, backoffMs(failuresSoFar - 1, backoff, random()))
}
